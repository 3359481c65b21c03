import type { Instant, TaskId, TaskState } from '@meseta/model';
import { isTerminal, mayFollow } from '@meseta/model';
import type { TaskStatus } from '@meseta/protocol';
import type { Command } from './command';
import { stateFor } from './capabilities';
import type { Effect, ExecutorEvent } from './effect';
import { conclude, deliver, shutdownExecutor } from './kills';
import { tellOnce } from './reconcile';
import type { AgentState, ExecutorRecord, TaskRecord } from './state';
import { taskKey } from './state';
import type { Reason } from './status';

/** A status that a custom executor tells, with its own uuid. */
export interface ExecutorUpdate {
  readonly taskId: TaskId;
  /** 32 hex digits. */
  readonly uuid: string;
  readonly state: TaskState;
  readonly reason?: Reason;
  readonly message?: string;
  /** The whole of it, for what the agent only passes on. */
  readonly given: TaskStatus;
}

/** An executor listens: from now on it is told what happens, beginning with what waits for it. */
export function stepExecutorSubscribed(
  state: AgentState,
  said: Command & { kind: 'executorSubscribed' },
  now: Instant,
): Effect[] {
  const executor = state.executors.get(said.key);
  if (executor?.kind !== 'custom' || executor.phase === 'ended')
    return [
      {
        kind: 'disconnectExecutor',
        connection: said.connection,
        message: 'the agent does not know this executor',
      },
    ];
  const effects: Effect[] = [];
  if (executor.connection !== undefined)
    effects.push({
      kind: 'disconnectExecutor',
      connection: executor.connection,
      message: 'the executor has subscribed anew',
    });
  const again = executor.subscribed;
  executor.connection = said.connection;
  executor.subscribed = true;
  if (executor.end === undefined) executor.deadline = undefined;
  effects.push({ kind: 'saveExecutor', key: executor.key }, ...deliver(executor, [{ kind: 'subscribed' }]));
  for (const update of said.unacknowledgedUpdates) effects.push(...takeUpdate(state, executor, update, now));
  if (again) effects.push(...dropUnheardOf(state, executor, said, now));
  effects.push(...resume(state, executor, now));
  return effects;
}

/** What was handed to the executor before and it does not know was lost on the way (E16). */
function dropUnheardOf(
  state: AgentState,
  executor: ExecutorRecord,
  said: Command & { kind: 'executorSubscribed' },
  now: Instant,
): Effect[] {
  const known = new Set<string>(said.unacknowledgedTasks);
  const message = 'The executor never got the task';
  return tasksOf(state, executor).flatMap((task) => {
    if (task.phase !== 'running' || task.state !== 'TASK_STAGING' || known.has(task.taskId)) return [];
    const told = stateFor(state, task.frameworkId, 'TASK_DROPPED');
    return conclude(state, task, { state: told, source: 'AGENT', reason: 'AGENT_RESTARTED', message }, now);
  });
}

/** Tells an executor that has just subscribed what it is to do. */
function resume(state: AgentState, executor: ExecutorRecord, now: Instant): Effect[] {
  if (executor.end !== undefined) return deliver(executor, [{ kind: 'shutdown' }]);
  const live = tasksOf(state, executor).filter(({ phase }) => phase !== 'ended');
  // All that it was started for was killed before it was there (E17).
  if (live.length === 0 && executor.tasks.size > 0) return shutdownExecutor(state, executor, 'idle', now);
  const kills = live.flatMap<ExecutorEvent>(({ phase, kill, taskId }) =>
    phase === 'running' && kill !== undefined ? [{ kind: 'kill', taskId, graceMs: kill.graceMs }] : [],
  );
  return [...deliver(executor, kills), ...handOver(state, executor)];
}

/** Hands over every task that waits for its executor to listen; those that were launched together go together. */
export function handOver(state: AgentState, executor: ExecutorRecord): Effect[] {
  if (executor.connection === undefined || executor.end !== undefined) return [];
  const waiting = tasksOf(state, executor).filter(({ phase }) => phase === 'starting');
  const effects: Effect[] = [];
  const events: ExecutorEvent[] = [];
  const groups = new Map<string, TaskRecord[]>();
  for (const task of waiting) {
    task.phase = 'running';
    effects.push({ kind: 'saveTask', key: task.key });
    if (task.group === undefined) events.push({ kind: 'launch', task: task.info });
    else groups.set(task.group, [...(groups.get(task.group) ?? []), task]);
  }
  for (const tasks of groups.values())
    events.push({ kind: 'launchGroup', tasks: tasks.map(({ info }) => info) });
  return [...effects, ...deliver(executor, events)];
}

/** The stream has ended. That alone ends nothing: an executor comes back (E18). */
export function stepExecutorDisconnected(
  state: AgentState,
  { key, connection }: Command & { kind: 'executorDisconnected' },
): Effect[] {
  const executor = state.executors.get(key);
  if (executor?.connection === connection) executor.connection = undefined;
  return [];
}

export function stepExecutorUpdated(
  state: AgentState,
  { key, updates }: Command & { kind: 'executorUpdated' },
  now: Instant,
): Effect[] {
  const executor = state.executors.get(key);
  if (executor === undefined) return [];
  return updates.flatMap((update) => takeUpdate(state, executor, update, now));
}

/** Bytes for the framework go on if there is a master, else they are lost, as was said. */
export function stepExecutorSaid(
  state: AgentState,
  { key, messages }: Command & { kind: 'executorSaid' },
): Effect[] {
  const executor = state.executors.get(key);
  if (executor === undefined || state.session?.registered !== true) return [];
  const { frameworkId, executorId } = executor;
  return messages.map((data) => ({ kind: 'executorMessage', frameworkId, executorId, data }));
}

/** One status: what is new is told on; what was told before, or makes no sense any more, is only acknowledged (T25). */
function takeUpdate(
  state: AgentState,
  executor: ExecutorRecord,
  update: ExecutorUpdate,
  now: Instant,
): Effect[] {
  const { taskId, uuid, given, ...told } = update;
  const acknowledged = deliver(executor, [{ kind: 'acknowledged', taskId, uuid }]);
  const task = state.tasks.get(taskKey(executor.frameworkId, taskId));
  const status = { ...told, uuid, given, source: 'EXECUTOR' } as const;
  if (task?.executor !== executor.key) {
    // T33: whose task it is the framework may know; nobody keeps it.
    const told = tellOnce(state, executor.frameworkId, taskId, { ...status, at: now });
    return [...told, ...acknowledged];
  }
  const known = [...task.updates, ...task.history].some((one) => one.uuid === uuid);
  if (known || task.phase === 'ended') return acknowledged;
  if (!mayFollow(task.state, told.state)) {
    const message = `ignored an executor's ${told.state} after ${task.state}`;
    const { frameworkId } = task;
    return [{ kind: 'note', level: 'warn', message, frameworkId, taskId }, ...acknowledged];
  }
  // An update of a task that was not handed over would be of its former life; the executor knows it in any case.
  if (task.phase === 'starting' && !isTerminal(told.state)) task.phase = 'running';
  return [...conclude(state, task, drained(state, task, status), now), ...acknowledged];
}

/** The end of a task that was killed because its agent is emptied says so (T63). */
function drained<T extends { readonly state: TaskState; readonly reason?: Reason }>(
  state: AgentState,
  task: TaskRecord,
  status: T,
): T {
  if (task.kill?.why !== 'draining' || !isTerminal(status.state)) return status;
  const gone = state.drain?.markGone === true && status.state === 'TASK_KILLED';
  const told = gone ? stateFor(state, task.frameworkId, 'TASK_GONE_BY_OPERATOR') : status.state;
  return { ...status, state: told, reason: 'AGENT_DRAINING' };
}

function tasksOf(state: AgentState, executor: ExecutorRecord): TaskRecord[] {
  return [...executor.tasks].flatMap((key) => state.tasks.get(key) ?? []);
}
