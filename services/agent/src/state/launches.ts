import type { ContainerId, Instant } from '@meseta/model';
import type { Launch } from './command';
import type { Effect } from './effect';
import { adopt } from './frameworks';
import { completionDeadline, terminate } from './kills';
import { tellOnce } from './reconcile';
import type { AgentState, ContainerFacts, TaskKey, TaskRecord } from './state';
import { taskKey } from './state';
import { uuidAt, type Reason } from './status';
import { report } from './status-updates';

/** A task is to run here. Its record is durable before its start is tried, so that no fault can start it twice (A2). */
export function stepLaunch(state: AgentState, launch: Launch, now: Instant): Effect[] {
  const key = taskKey(launch.frameworkId, launch.taskId);
  if (state.tasks.has(key)) {
    return [
      {
        kind: 'note',
        level: 'warn',
        message: 'ignored a second launch of a task',
        frameworkId: launch.frameworkId,
        taskId: launch.taskId,
      },
    ];
  }
  const { plan } = launch;
  if ('refused' in plan && plan.unnameable === true) {
    const { refused, reason, message } = plan;
    const status = {
      uuid: uuidAt(launch.containerId, 0),
      state: refused,
      source: 'AGENT',
      reason,
      message,
      at: now,
    } as const;
    return tellOnce(state, launch.frameworkId, launch.taskId, status);
  }
  const task: TaskRecord = {
    key,
    frameworkId: launch.frameworkId,
    taskId: launch.taskId,
    containerId: launch.containerId,
    runtime: 'runtime' in plan ? plan.runtime : '',
    info: launch.task,
    traceparent: launch.traceparent,
    launchedAt: now,
    phase: 'starting',
    state: 'TASK_STAGING',
    container: {},
    kill: undefined,
    updates: [],
    sent: 0,
    retryAt: undefined,
    history: [],
    statusesMade: 0,
  };
  state.tasks.set(key, task);
  const effects: Effect[] = [
    ...adopt(state, launch.frameworkId, launch.framework),
    { kind: 'saveNewTask', key },
  ];
  if ('refused' in plan) {
    return [
      ...effects,
      ...report(
        state,
        task,
        { state: plan.refused, source: 'AGENT', reason: plan.reason, message: plan.message },
        now,
      ),
    ];
  }
  watchCompletion(state, task);
  return [
    ...effects,
    ...report(state, task, { state: 'TASK_STARTING', source: 'EXECUTOR' }, now),
    { kind: 'start', key },
  ];
}

/** The container runs. A task that was to be killed meanwhile is not announced as running, but told to end. */
export function stepContainerStarted(
  state: AgentState,
  key: TaskKey,
  containerId: ContainerId,
  facts: ContainerFacts,
  now: Instant,
): Effect[] {
  const task = state.tasks.get(key);
  if (task === undefined || task.containerId !== containerId || task.phase !== 'starting') return [];
  task.phase = 'running';
  task.container = facts;
  if (task.kill !== undefined) return [{ kind: 'saveTask', key }, ...terminate(state, task, now)];
  return report(state, task, { state: 'TASK_RUNNING', source: 'EXECUTOR' }, now);
}

/** The container could not be started; nothing of it is left. */
export function stepStartFailed(
  state: AgentState,
  key: TaskKey,
  containerId: ContainerId,
  why: { readonly message: string; readonly reason: Reason },
  now: Instant,
): Effect[] {
  const task = state.tasks.get(key);
  if (task === undefined || task.containerId !== containerId || task.phase !== 'starting') return [];
  if (task.kill?.why === 'asked') {
    const news = {
      state: 'TASK_KILLED',
      source: 'AGENT',
      reason: 'TASK_KILLED_DURING_LAUNCH',
      message: why.message,
    } as const;
    return report(state, task, news, now);
  }
  return report(state, task, { state: 'TASK_FAILED', source: 'AGENT', ...why }, now);
}

/** The task was killed before its container was begun (T61). */
export function stepStartCancelled(
  state: AgentState,
  key: TaskKey,
  containerId: ContainerId,
  now: Instant,
): Effect[] {
  const task = state.tasks.get(key);
  if (task === undefined || task.containerId !== containerId || task.phase !== 'starting') return [];
  const expired = task.kill?.why === 'completionTime';
  return report(
    state,
    task,
    {
      state: expired ? 'TASK_FAILED' : 'TASK_KILLED',
      source: 'AGENT',
      reason: expired ? 'MAX_COMPLETION_TIME_REACHED' : 'TASK_KILLED_DURING_LAUNCH',
      message: 'The task was killed before it was started',
    },
    now,
  );
}

/** Keeps an eye on the time that the task may take in all. */
export function watchCompletion(state: AgentState, task: TaskRecord): void {
  const at = completionDeadline(task);
  if (at !== undefined) state.deadlines.add({ at, kind: 'completion', key: task.key });
}
