import type { ContainerId, FrameworkId, Instant } from '@meseta/model';
import { Resources } from '@meseta/model';
import type { FrameworkInfo } from '@meseta/protocol';
import { stateFor } from './capabilities';
import { firstAnswer, startChecks } from './checks';
import type { Launch, LaunchedExecutor, LaunchedTask, LaunchGroup } from './command';
import type { Effect } from './effect';
import { ensureExecutor } from './executors';
import { freeGpus, gpuCount, takeGpus } from './gpus';
import { handOver } from './executor-session';
import { completionDeadline, conclude, terminate } from './kills';
import { adopt } from './records';
import { tellOnce } from './reconcile';
import type { AgentState, ExecutorRecord, StartedFacts, TaskKey, TaskRecord } from './state';
import { executorKey, lasting, taskKey } from './state';
import { uuidAt, type Reason } from './status';
import { report, type News } from './status-updates';

/** What every task of one launch shares. */
interface Launched {
  readonly frameworkId: FrameworkId;
  readonly framework: FrameworkInfo;
  readonly executor?: LaunchedExecutor;
  /** Set if they are launched all or none. */
  readonly group?: string;
}

/** A task is to run here. Its record is durable before its start is tried, so that no fault can start it twice (A2). */
export function stepLaunch(state: AgentState, launch: Launch, now: Instant): Effect[] {
  return launchAll(state, launch, [launch], now);
}

/** Tasks are to run here, all or none (A7). */
export function stepLaunchGroup(state: AgentState, launch: LaunchGroup, now: Instant): Effect[] {
  const [first] = launch.tasks;
  if (first === undefined) return [];
  return launchAll(state, { ...launch, group: first.containerId }, launch.tasks, now);
}

function launchAll(
  state: AgentState,
  launched: Launched,
  tasks: readonly LaunchedTask[],
  now: Instant,
): Effect[] {
  const { frameworkId } = launched;
  const known = tasks.find(({ taskId }) => state.tasks.has(taskKey(frameworkId, taskId)));
  if (known !== undefined) {
    const { taskId } = known;
    return [
      { kind: 'note', level: 'warn', message: 'ignored a second launch of a task', frameworkId, taskId },
    ];
  }
  const refusal = refusalOf(state, launched, tasks);
  if (refusal !== undefined) return tasks.flatMap((task) => refuse(state, launched, task, refusal, now));
  const effects: Effect[] = [];
  let executor: ExecutorRecord | undefined;
  if (launched.executor !== undefined) {
    const traceparent = tasks[0]?.traceparent ?? '';
    const ensured = ensureExecutor(
      state,
      frameworkId,
      launched.framework,
      launched.executor,
      traceparent,
      now,
    );
    executor = ensured.executor;
    effects.push(...ensured.effects);
  }
  for (const task of tasks) effects.push(...begin(state, launched, executor, task, now));
  return executor?.kind === 'custom' ? [...effects, ...handOver(state, executor)] : effects;
}

/** Why nothing of a launch can be started (T66). */
function refusalOf(
  state: AgentState,
  { frameworkId, executor }: Launched,
  tasks: readonly LaunchedTask[],
): Refusal | undefined {
  const running =
    executor === undefined ? undefined : state.executors.get(executorKey(frameworkId, executor.executorId));
  // One that runs was found good when it came.
  const isNew = executor !== undefined && running === undefined;
  for (const { plan } of [...tasks, ...(isNew ? [executor] : [])]) {
    if (!('refused' in plan)) continue;
    const { refused } = plan;
    return { ...plan, state: refused === 'TASK_DROPPED' ? stateFor(state, frameworkId, refused) : refused };
  }
  const drop = (reason: Reason, message: string): Refusal => ({
    state: stateFor(state, frameworkId, 'TASK_DROPPED'),
    reason,
    message,
  });
  if (state.drain !== undefined) return drop('AGENT_DRAINING', 'The agent is being emptied');
  const special = Resources.of(tasks.flatMap(({ resources }) => changedByOperations(resources)));
  if (!state.resources.contains(special))
    return drop('RESOURCES_UNKNOWN', `The agent does not have ${special.toString()}`);
  const noGpus = refusalOfGpus(state, executor, isNew, tasks);
  if (noGpus !== undefined) return 'state' in noGpus ? noGpus : drop('RESOURCES_UNKNOWN', noGpus.message);
  if (running !== undefined && (running.end !== undefined || running.phase === 'ended'))
    return drop('EXECUTOR_TERMINATED', 'The executor is about to end');
  if (running !== undefined && running.kind !== executor?.kind) {
    const message = 'An executor of this id and another type runs already';
    return { state: 'TASK_ERROR', reason: 'TASK_INVALID', message };
  }
  return undefined;
}

/** Why a launch cannot have the gpus that it asks for; without a state it has to be dropped. */
function refusalOfGpus(
  state: AgentState,
  executor: LaunchedExecutor | undefined,
  isNew: boolean,
  tasks: readonly LaunchedTask[],
): Refusal | { readonly message: string } | undefined {
  const own = gpuCount(...tasks.map(({ task }) => task.resources));
  const all = own + (isNew && executor !== undefined ? gpuCount(executor.info.resources) : 0);
  if (!Number.isInteger(all))
    return { state: 'TASK_ERROR', reason: 'TASK_INVALID', message: 'gpus must be a whole number' };
  if (state.gpus !== undefined && all > freeGpus(state).length)
    return { message: `The agent has ${freeGpus(state).length} gpus left, not ${all}` };
  // What a container of Docker sees of the machine is settled when it is made.
  const isDocker = executor !== undefined && 'runtime' in executor.plan && executor.plan.runtime === 'docker';
  if (own === 0 || executor?.kind !== 'custom' || !isDocker) return undefined;
  const message = 'gpus must be resources of the executor, not of its task: it is a container of type DOCKER';
  return { state: 'TASK_FAILED', reason: 'CONTAINER_LAUNCH_FAILED', message };
}

interface Refusal {
  readonly state: News['state'];
  readonly reason: Reason;
  readonly message: string;
  readonly unnameable?: boolean;
}

/** What of a task's resources is as it is only because of an operation: dynamic reservations and volumes. */
function changedByOperations(resources: Resources) {
  return resources.unallocate().filter(({ reservations, disk }) => {
    return disk?.persistence !== undefined || reservations.some(({ type }) => type === 'DYNAMIC');
  }).entries;
}

/** Tells that a task will not run. It has a record all the same, so that it is told until that is acknowledged. */
function refuse(
  state: AgentState,
  launched: Launched,
  task: LaunchedTask,
  { state: told, reason, message, unnameable }: Refusal,
  now: Instant,
): Effect[] {
  if (unnameable === true) {
    const uuid = uuidAt(task.containerId, 0);
    const status = { uuid, state: told, source: 'AGENT', reason, message, at: now } as const;
    return tellOnce(state, launched.frameworkId, task.taskId, status);
  }
  const record = recordOf(launched, undefined, { ...task, plan: { runtime: '' } }, [], now);
  state.tasks.set(record.key, record);
  return [
    ...adopt(state, launched.frameworkId, launched.framework),
    { kind: 'saveNewTask', key: record.key },
    ...report(state, record, { state: told, source: 'AGENT', reason, message }, now),
  ];
}

function begin(
  state: AgentState,
  launched: Launched,
  executor: ExecutorRecord | undefined,
  launchedTask: LaunchedTask,
  now: Instant,
): Effect[] {
  const gpus = takeGpus(state, launchedTask.task.resources);
  const task = recordOf(launched, executor, launchedTask, gpus, now);
  state.tasks.set(task.key, task);
  executor?.tasks.add(task.key);
  const effects: Effect[] = [
    ...adopt(state, launched.frameworkId, launched.framework),
    { kind: 'saveNewTask', key: task.key },
  ];
  // A custom executor tells of its tasks itself.
  if (executor?.kind === 'custom') return [...effects, { kind: 'saveTask', key: task.key }];
  watchCompletion(state, task);
  return [
    ...effects,
    ...report(state, task, { state: 'TASK_STARTING', source: 'EXECUTOR' }, now),
    { kind: 'start', key: task.key },
  ];
}

function recordOf(
  { frameworkId, group }: Launched,
  executor: ExecutorRecord | undefined,
  { taskId, task, traceparent, containerId, plan }: LaunchedTask,
  gpus: readonly string[],
  now: Instant,
): TaskRecord {
  return {
    key: taskKey(frameworkId, taskId),
    frameworkId,
    taskId,
    containerId,
    runtime: 'runtime' in plan ? plan.runtime : '',
    executor: executor?.key,
    group,
    info: task,
    gpus,
    traceparent,
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
    startedAt: undefined,
    healthy: undefined,
    checkStatus: executor?.kind === 'custom' ? undefined : firstAnswer(task),
    check: undefined,
    health: undefined,
  };
}

/** The container runs. A task that was to be killed meanwhile is not announced as running, but told to end. */
export function stepContainerStarted(
  state: AgentState,
  key: TaskKey,
  containerId: ContainerId,
  facts: StartedFacts,
  now: Instant,
): Effect[] {
  const task = state.tasks.get(key);
  if (task === undefined || task.containerId !== containerId || task.phase !== 'starting') return [];
  task.phase = 'running';
  task.container = lasting(facts);
  task.startedAt = now;
  if (task.kill !== undefined) return [{ kind: 'saveTask', key }, ...terminate(state, task, now)];
  startChecks(state, task, now);
  const { data } = facts;
  const running = { state: 'TASK_RUNNING', source: 'EXECUTOR', ...(data !== undefined && { data }) } as const;
  return report(state, task, running, now);
}

/**
 * A start takes long, as one with much to fetch does. The framework is told how far it has come, unless it has not acknowledged the last it was told: so
 * nothing piles up for one that is slow. Tasks of a custom executor are told of by it.
 */
export function stepStartProgressed(
  state: AgentState,
  key: TaskKey,
  containerId: ContainerId,
  message: string,
  now: Instant,
): Effect[] {
  const task = state.tasks.get(key);
  if (task === undefined || task.containerId !== containerId || task.phase !== 'starting') return [];
  if (task.kill !== undefined || task.updates.length > 0) return [];
  return report(state, task, { state: 'TASK_STARTING', source: 'EXECUTOR', message }, now);
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
  // Of a group each has failed whose own start did, even if another's has failed before (E49).
  if (task.kill !== undefined && task.kill.why !== 'completionTime' && task.kill.why !== 'group')
    return conclude(state, task, killedDuringLaunch(why.message), now);
  return conclude(state, task, { state: 'TASK_FAILED', source: 'AGENT', ...why }, now);
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
  const message = 'The task was killed before it was started';
  if (task.kill?.why !== 'completionTime') return conclude(state, task, killedDuringLaunch(message), now);
  return conclude(
    state,
    task,
    { state: 'TASK_FAILED', source: 'AGENT', reason: 'MAX_COMPLETION_TIME_REACHED', message },
    now,
  );
}

function killedDuringLaunch(message: string): News {
  return { state: 'TASK_KILLED', source: 'AGENT', reason: 'TASK_KILLED_DURING_LAUNCH', message };
}

/** Keeps an eye on the time that the task may take in all. */
export function watchCompletion(state: AgentState, task: TaskRecord): void {
  const at = completionDeadline(task);
  if (at !== undefined) state.deadlines.add({ at, kind: 'completion', key: task.key });
}
