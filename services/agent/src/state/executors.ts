import type { ContainerId, FrameworkId, Instant } from '@meseta/model';
import { plusMs, taskId as asTaskId } from '@meseta/model';
import type { FrameworkInfo } from '@meseta/protocol';
import type { Exit, LaunchedExecutor } from './command';
import { outlives, stateFor } from './capabilities';
import type { Effect } from './effect';
import { messageOf, newsOfKill, outOfMemoryNews } from './ends';
import { takeGpus } from './gpus';
import type { ExecutorEndReason } from './executor-record';
import { conclude, destroyAgainMs, graceOf, kill, shutdownExecutor, startShutdown } from './kills';
import { adopt, forgetExecutorIfOver, tellEnded } from './records';
import type { AgentState, ExecutorKey, ExecutorRecord, StartedFacts, TaskRecord } from './state';
import { executorKey, lasting, taskKey } from './state';
import type { Reason } from './status';
import type { News } from './status-updates';

/** The executor that tasks are launched with; one that is not here yet is started. */
export function ensureExecutor(
  state: AgentState,
  frameworkId: FrameworkId,
  framework: FrameworkInfo,
  { executorId, info, kind, containerId, plan }: LaunchedExecutor,
  traceparent: string,
  now: Instant,
): { readonly executor: ExecutorRecord; readonly effects: Effect[] } {
  const key = executorKey(frameworkId, executorId);
  const known = state.executors.get(key);
  if (known !== undefined) return { executor: known, effects: [{ kind: 'resize', key }] };
  const executor: ExecutorRecord = {
    key,
    frameworkId,
    executorId,
    containerId,
    runtime: 'runtime' in plan ? plan.runtime : '',
    kind,
    info,
    gpus: takeGpus(state, info.resources),
    traceparent,
    launchedAt: now,
    phase: kind === 'pod' ? 'running' : 'starting',
    container: {},
    subscribed: false,
    end: undefined,
    deadline: undefined,
    connection: undefined,
    tasks: new Set(),
  };
  state.executors.set(key, executor);
  const effects: Effect[] = [
    ...adopt(state, frameworkId, framework),
    { kind: 'saveNewExecutor', key },
    { kind: 'saveExecutor', key },
  ];
  if (kind === 'custom') effects.push({ kind: 'startExecutor', key });
  return { executor, effects };
}

/** Its process runs: it has so long to subscribe (E22). The clock starts here, so that fetching files and images costs it nothing. */
export function stepExecutorStarted(
  state: AgentState,
  executor: ExecutorRecord,
  facts: StartedFacts,
  now: Instant,
): Effect[] {
  if (executor.phase !== 'starting') return [];
  executor.phase = 'running';
  executor.container = lasting(facts);
  const effects: Effect[] = [{ kind: 'saveExecutor', key: executor.key }];
  if (executor.end !== undefined) return [...effects, ...startShutdown(state, executor, now)];
  if (executor.connection === undefined) waitFor(state, executor, state.timing.registrationMs, now);
  return effects;
}

/** Its container could not be started, or was not to be after all: its tasks end as they would have with it. */
export function stepExecutorNotStarted(
  state: AgentState,
  executor: ExecutorRecord,
  why: { readonly message: string; readonly reason: Reason } | undefined,
  now: Instant,
): Effect[] {
  if (executor.phase !== 'starting') return [];
  const message = why?.message ?? 'The executor was ended before it was started';
  return endWith(state, executor, -1, message, now, (task) =>
    executor.end === undefined
      ? { state: 'TASK_FAILED', source: 'AGENT', reason: 'CONTAINER_LAUNCH_FAILED', message }
      : killedDuringLaunch(task, message),
  );
}

function killedDuringLaunch(_: TaskRecord, message: string): News {
  return { state: 'TASK_KILLED', source: 'AGENT', reason: 'TASK_KILLED_DURING_LAUNCH', message };
}

/** Its container has ended, and with it every task that it had not told the end of (E26). */
export function stepExecutorEnded(
  state: AgentState,
  executor: ExecutorRecord,
  exit: Exit,
  now: Instant,
): Effect[] {
  if (executor.phase === 'ended') return [];
  const message = `Executor terminated: ${messageOf(exit)}`;
  return endWith(state, executor, waitStatusOf(exit), message, now, (task) =>
    newsOf(state, executor, task, exit, message),
  );
}

function newsOf(
  state: AgentState,
  executor: ExecutorRecord,
  task: TaskRecord,
  exit: Exit,
  message: string,
): News {
  const gone = (reason: Reason): News => ({
    state: stateFor(state, executor.frameworkId, 'TASK_GONE'),
    source: 'AGENT',
    reason,
    message,
  });
  const failed = (reason: Reason): News => ({ state: 'TASK_FAILED', source: 'AGENT', reason, message });
  if (task.phase === 'starting' && executor.end === 'asked') return killedDuringLaunch(task, message);
  switch (executor.end) {
    case 'registrationTimeout':
      return failed('EXECUTOR_REGISTRATION_TIMEOUT');
    case 'reregistrationTimeout':
      return gone('EXECUTOR_REREGISTRATION_TIMEOUT');
    case 'agentEnded':
      return gone('AGENT_RESTARTED');
    case 'asked':
    case 'idle':
    case undefined:
      if (exit.kind === 'outOfMemory' && executor.end === undefined) return outOfMemoryNews(exit, message);
      return newsOfKill(state, task, message) ?? failed('EXECUTOR_TERMINATED');
  }
}

function endWith(
  state: AgentState,
  executor: ExecutorRecord,
  status: number,
  message: string,
  now: Instant,
  newsOfTask: (task: TaskRecord) => News,
): Effect[] {
  executor.phase = 'ended';
  const effects: Effect[] = [{ kind: 'saveExecutor', key: executor.key }];
  if (executor.connection !== undefined)
    effects.push({
      kind: 'disconnectExecutor',
      connection: executor.connection,
      message: 'the executor has ended',
    });
  executor.connection = undefined;
  executor.deadline = undefined;
  for (const key of executor.tasks) {
    const task = state.tasks.get(key);
    if (task !== undefined && task.phase !== 'ended')
      effects.push(...conclude(state, task, newsOfTask(task), now));
  }
  effects.push(...tellEnded(state, executor, status, message));
  return [...effects, ...forgetExecutorIfOver(state, executor)];
}

/** Patience with an executor may be over: it did not subscribe, or did not end. It is ended by force until its end is told. */
export function executorDeadlineOver(
  state: AgentState,
  executor: ExecutorRecord | undefined,
  at: Instant,
  now: Instant,
): Effect[] {
  if (executor === undefined || executor.deadline !== at || executor.phase !== 'running') return [];
  const end = executor.end ?? (executor.subscribed ? 'reregistrationTimeout' : 'registrationTimeout');
  return destroyUntilEnded(state, executor, end, now);
}

function destroyUntilEnded(
  state: AgentState,
  executor: ExecutorRecord,
  why: ExecutorEndReason,
  now: Instant,
): Effect[] {
  const isNew = executor.end !== why;
  executor.end = why;
  waitFor(state, executor, destroyAgainMs, now);
  const { key, containerId, runtime } = executor;
  return [
    ...(isNew ? ([{ kind: 'saveExecutor', key }] as const) : []),
    { kind: 'destroy', containerId, runtime },
  ];
}

/** The agent was restarted and the executor's container was found, or not. */
export function resumeExecutor(
  state: AgentState,
  executor: ExecutorRecord,
  found:
    | { readonly kind: 'running'; readonly facts: StartedFacts }
    | { readonly kind: 'ended'; readonly exit: Exit }
    | { readonly kind: 'neverStarted' },
  now: Instant,
): Effect[] {
  switch (found.kind) {
    case 'ended':
      executor.phase = 'running';
      return stepExecutorEnded(state, executor, found.exit, now);
    case 'neverStarted': {
      executor.phase = 'starting';
      const message = 'The agent was restarted before it started the executor';
      return endWith(state, executor, -1, message, now, () => ({
        state: stateFor(state, executor.frameworkId, 'TASK_DROPPED'),
        source: 'AGENT',
        reason: 'AGENT_RESTARTED',
        message,
      }));
    }
    case 'running':
      break;
  }
  executor.phase = 'running';
  executor.container = lasting(found.facts);
  const effects: Effect[] = [{ kind: 'saveExecutor', key: executor.key }];
  if (!outlives(state, executor.frameworkId))
    return [...effects, ...destroyUntilEnded(state, executor, 'agentEnded', now)];
  if (executor.end !== undefined) return [...effects, ...startShutdown(state, executor, now)];
  const { reregistrationMs, registrationMs } = state.timing;
  waitFor(state, executor, executor.subscribed ? reregistrationMs : registrationMs, now);
  return effects;
}

/** Ends an executor without asking, together with the agent: the next one looks what became of it. */
export function endNow(executor: ExecutorRecord, why: 'agentEnded'): Effect[] {
  executor.end = why;
  const { key, containerId, runtime } = executor;
  return [
    { kind: 'saveExecutor', key },
    { kind: 'destroy', containerId, runtime },
  ];
}

/** The master wants an executor gone; one that is not known is ignored. That of a command task is the agent's, and has the task's id (E37). */
export function stepShutdownExecutor(
  state: AgentState,
  frameworkId: FrameworkId,
  executorId: string,
  now: Instant,
): Effect[] {
  const executor = state.executors.get(executorKey(frameworkId, executorId));
  if (executor !== undefined) return shutdownExecutor(state, executor, 'asked', now);
  const task = state.tasks.get(taskKey(frameworkId, asTaskId(executorId)));
  return task === undefined || task.executor !== undefined
    ? []
    : kill(state, task, 'shutdown', graceOf(task.info), now);
}

/** The executor whose container this is. */
export function executorOf(
  state: AgentState,
  key: ExecutorKey,
  containerId: ContainerId,
): ExecutorRecord | undefined {
  const executor = state.executors.get(key);
  return executor?.containerId === containerId ? executor : undefined;
}

function waitFor(state: AgentState, executor: ExecutorRecord, ms: number, now: Instant): void {
  executor.deadline = plusMs(now, ms);
  state.deadlines.add({ at: executor.deadline, kind: 'executor', key: executor.key });
}

/** As wait(2) tells; -1 when nobody saw. */
function waitStatusOf(exit: Exit): number {
  switch (exit.kind) {
    case 'exited':
      return exit.status << 8;
    case 'outOfMemory':
      return 9;
    case 'signaled':
      return signalNumbers[exit.signal] ?? -1;
    case 'lost':
      return -1;
  }
}

/** Those that end executors in practice; see signal(7). */
const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};
