import { msOfNanoseconds, type Instant } from '@meseta/model';
import { isTerminal, plusMs } from '@meseta/model';
import type { DurationInfo, TaskInfo } from '@meseta/protocol';
import { isCapable } from './capabilities';
import type { Effect, ExecutorEvent } from './effect';
import type { ExecutorEndReason } from './executor-record';
import { forgetExecutorIfOver } from './records';
import type { AgentState, ExecutorRecord, TaskRecord } from './state';
import type { KillReason, Limit } from './task-record';
import { report, type News } from './status-updates';

/** How long a task may take to end after SIGTERM when nobody said (T60). */
export const graceDefaultMs = 3_000;

/** How long an end by force may take to be told before it is ordered once more: who ends the container may have been away (E44, E48). */
export const destroyAgainMs = 5_000;

/** Ends that are asked for; the others come as they come, and are not announced with KILLING. */
const announced: ReadonlySet<KillReason> = new Set<KillReason>([
  'asked',
  'group',
  'shutdown',
  'draining',
  'unhealthy',
]);

/** Asks a task to end, and ends it by force when the grace is over. Asking again may only shorten the grace (E36). */
export function kill(
  state: AgentState,
  task: TaskRecord,
  why: KillReason,
  wishedMs: number,
  now: Instant,
  limit?: Limit,
): Effect[] {
  if (task.phase === 'ended') return [];
  const graceMs = Math.min(wishedMs, state.drain?.graceMaxMs ?? wishedMs);
  if (task.kill !== undefined) return hasten(state, task, graceMs, now);
  task.kill = { graceMs, deadline: undefined, why, ...(limit !== undefined && { limit }) };
  const executor = customExecutorOf(state, task);
  if (executor !== undefined) return killThroughExecutor(state, executor, task, now);
  const effects: Effect[] = [{ kind: 'saveTask', key: task.key }];
  if (task.phase === 'starting') {
    // What has not begun never begins (T61); what has is told to end as soon as it runs.
    return [...effects, { kind: 'cancelStart', key: task.key, containerId: task.containerId }];
  }
  if (announced.has(why) && isCapable(state.frameworks.get(task.frameworkId)?.info, 'TASK_KILLING_STATE'))
    effects.push(...report(state, task, { state: 'TASK_KILLING', source: 'EXECUTOR' }, now));
  return [...effects, ...terminate(state, task, now)];
}

/** Kills a task and, as they end together (E48), all that are left of its group. */
export function killWithGroup(
  state: AgentState,
  task: TaskRecord,
  why: KillReason,
  graceMs: number | undefined,
  now: Instant,
): Effect[] {
  const members = [task, ...siblingsOf(state, task)];
  return members.flatMap((member) => kill(state, member, why, graceMs ?? graceOf(member.info), now));
}

function hasten(state: AgentState, task: TaskRecord, graceMs: number, now: Instant): Effect[] {
  if (task.kill === undefined) return [];
  const executor = customExecutorOf(state, task);
  const deadline = task.phase === 'running' && executor === undefined ? plusMs(now, graceMs) : undefined;
  const shorter =
    task.kill.deadline === undefined
      ? graceMs < task.kill.graceMs
      : plusMs(now, graceMs) < task.kill.deadline;
  if (!shorter) return [];
  task.kill = { ...task.kill, graceMs, deadline };
  if (deadline !== undefined) state.deadlines.add({ at: deadline, kind: 'grace', key: task.key });
  const again =
    executor === undefined ? [] : deliver(executor, [{ kind: 'kill', taskId: task.taskId, graceMs }]);
  return [{ kind: 'saveTask', key: task.key }, ...again];
}

/** What was not handed over yet never is; of the rest the executor has to see to the end itself. */
function killThroughExecutor(
  state: AgentState,
  executor: ExecutorRecord,
  task: TaskRecord,
  now: Instant,
): Effect[] {
  if (task.phase === 'starting') {
    const message = 'The task was killed before it was handed to its executor';
    return conclude(
      state,
      task,
      { state: 'TASK_KILLED', source: 'AGENT', reason: 'TASK_KILLED_DURING_LAUNCH', message },
      now,
    );
  }
  const graceMs = task.kill?.graceMs ?? 0;
  return [
    { kind: 'saveTask', key: task.key },
    ...deliver(executor, [{ kind: 'kill', taskId: task.taskId, graceMs }]),
  ];
}

/** Tells of a task, and if that is its end, does what follows for its group and its executor. */
export function conclude(state: AgentState, task: TaskRecord, news: News, now: Instant): Effect[] {
  const effects = report(state, task, news, now);
  if (!isTerminal(news.state)) return effects;
  const executor = task.executor === undefined ? undefined : state.executors.get(task.executor);
  if (executor === undefined) return effects;
  // One that failed or was killed takes the others with it (E47).
  if (news.state !== 'TASK_FINISHED' && executor.kind === 'pod') {
    for (const sibling of siblingsOf(state, task))
      effects.push(...kill(state, sibling, 'group', graceOf(sibling.info), now));
  }
  const alive = [...executor.tasks].some((key) => state.tasks.get(key)?.phase !== 'ended');
  // A pod without tasks has nothing that could be more or less.
  const isLeft = executor.kind === 'custom' && executor.phase === 'running';
  if (!alive && state.drain !== undefined) effects.push(...shutdownExecutor(state, executor, 'asked', now));
  else if (alive || isLeft) effects.push({ kind: 'resize', key: executor.key });
  return effects;
}

/** Orders an executor to end, with its tasks; after its grace its container is destroyed (E24). */
export function shutdownExecutor(
  state: AgentState,
  executor: ExecutorRecord,
  why: ExecutorEndReason,
  now: Instant,
): Effect[] {
  if (executor.end !== undefined || executor.phase === 'ended') return [];
  executor.end = why;
  const effects: Effect[] = [{ kind: 'saveExecutor', key: executor.key }];
  if (executor.kind === 'pod') {
    for (const key of [...executor.tasks]) {
      const task = state.tasks.get(key);
      if (task !== undefined) effects.push(...kill(state, task, 'shutdown', graceOf(task.info), now));
    }
    return [...effects, ...forgetExecutorIfOver(state, executor)];
  }
  if (executor.phase === 'starting') {
    const { key, containerId } = executor;
    return [...effects, { kind: 'cancelStart', key, containerId }];
  }
  return [...effects, ...startShutdown(state, executor, now)];
}

/** Tells a custom executor that runs to end, and starts its grace. */
export function startShutdown(state: AgentState, executor: ExecutorRecord, now: Instant): Effect[] {
  const graceMs = msOf(executor.info.shutdownGracePeriod) ?? state.timing.shutdownGraceMs;
  executor.deadline = plusMs(now, graceMs);
  state.deadlines.add({ at: executor.deadline, kind: 'executor', key: executor.key });
  return deliver(executor, [{ kind: 'shutdown' }]);
}

/** Hands events to an executor that listens. One that does not is told what matters when it is back. */
export function deliver(executor: ExecutorRecord, events: readonly ExecutorEvent[]): Effect[] {
  const { key, connection } = executor;
  return connection === undefined || events.length === 0
    ? []
    : [{ kind: 'deliver', key, connection, events }];
}

/** The grace that a task has if the order names none. */
export function graceOf(info: TaskInfo): number {
  return Math.max(0, msOf(info.killPolicy?.gracePeriod) ?? graceDefaultMs);
}

/** Sends the polite signal to a task that runs and is to end, and starts its grace. */
export function terminate(state: AgentState, task: TaskRecord, now: Instant): Effect[] {
  if (task.kill === undefined) return [];
  const deadline = task.kill.deadline ?? plusMs(now, task.kill.graceMs);
  task.kill = { ...task.kill, deadline };
  if (deadline <= now) return destroy(state, task, now);
  state.deadlines.add({ at: deadline, kind: 'grace', key: task.key });
  return [{ kind: 'terminate', containerId: task.containerId, runtime: task.runtime }];
}

/** A grace may be over; late ones, for a grace shortened since or a task that has ended, are nothing. */
export function graceOver(
  state: AgentState,
  task: TaskRecord | undefined,
  at: Instant,
  now: Instant,
): Effect[] {
  if (task === undefined || task.phase !== 'running' || task.kill?.deadline !== at) return [];
  return destroy(state, task, now);
}

/** Ends a task by force, again and again until its end is told. */
function destroy(state: AgentState, task: TaskRecord, now: Instant): Effect[] {
  const { key, containerId, runtime, kill } = task;
  if (kill !== undefined) {
    kill.deadline = plusMs(now, destroyAgainMs);
    state.deadlines.add({ at: kill.deadline, kind: 'grace', key });
  }
  return [{ kind: 'destroy', containerId, runtime }];
}

/** A task may have had all the time that it was given (E38). One that is being killed is left to that. */
export function completionTimeOver(
  state: AgentState,
  task: TaskRecord | undefined,
  at: Instant,
  now: Instant,
): Effect[] {
  if (task === undefined || task.kill !== undefined || completionDeadline(task) !== at) return [];
  return kill(state, task, 'completionTime', 0, now);
}

/** When the task must have completed, if it must. A custom executor sees to that itself. */
export function completionDeadline(task: TaskRecord): Instant | undefined {
  const ms = task.runtime === '' ? undefined : msOf(task.info.maxCompletionTime);
  return ms === undefined ? undefined : plusMs(task.launchedAt, ms);
}

/** The executor of the framework's own that runs a task; undefined when the agent runs it. */
export function customExecutorOf(state: AgentState, task: TaskRecord): ExecutorRecord | undefined {
  const executor = task.executor === undefined ? undefined : state.executors.get(task.executor);
  return executor?.kind === 'custom' ? executor : undefined;
}

/** The others of a task's group that have not ended. */
function siblingsOf(state: AgentState, task: TaskRecord): TaskRecord[] {
  if (task.group === undefined || task.executor === undefined) return [];
  const keys = state.executors.get(task.executor)?.tasks ?? [];
  return [...keys].flatMap((key) => {
    const other = state.tasks.get(key);
    const isSibling = other !== task && other?.group === task.group && other?.phase !== 'ended';
    return isSibling && other !== undefined ? [other] : [];
  });
}

function msOf(duration: DurationInfo | undefined): number | undefined {
  return duration?.nanoseconds === undefined ? undefined : msOfNanoseconds(duration.nanoseconds);
}
