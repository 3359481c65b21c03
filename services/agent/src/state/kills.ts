import type { Instant } from '@meseta/model';
import { plusMs } from '@meseta/model';
import type { TaskInfo } from '@meseta/protocol';
import { isCapable } from './capabilities';
import type { Effect } from './effect';
import type { AgentState, Kill, TaskRecord } from './state';
import { report } from './status-updates';

/** How long a task may take to end after SIGTERM when nobody said (T60). */
export const graceDefaultMs = 3_000;

/** Asks a task to end, and ends it by force when the grace is over. Asking again may only shorten the grace (E36). */
export function kill(
  state: AgentState,
  task: TaskRecord,
  why: Kill['why'],
  graceMs: number,
  now: Instant,
): Effect[] {
  if (task.phase === 'ended') return [];
  const deadline = task.phase === 'running' ? plusMs(now, graceMs) : undefined;
  if (task.kill !== undefined) {
    const shorter =
      task.kill.deadline === undefined
        ? graceMs < task.kill.graceMs
        : plusMs(now, graceMs) < task.kill.deadline;
    if (!shorter) return [];
    task.kill = { ...task.kill, graceMs, deadline };
    if (deadline !== undefined) state.deadlines.add({ at: deadline, kind: 'grace', key: task.key });
    return [{ kind: 'saveTask', key: task.key }];
  }
  task.kill = { graceMs, deadline, why };
  if (task.phase === 'starting') {
    // What has not begun never begins (T61); what has is told to end as soon as it runs.
    return [
      { kind: 'saveTask', key: task.key },
      { kind: 'cancelStart', key: task.key, containerId: task.containerId },
    ];
  }
  const effects: Effect[] = [{ kind: 'saveTask', key: task.key }];
  if (why === 'asked' && isCapable(state.frameworks.get(task.frameworkId)?.info, 'TASK_KILLING_STATE')) {
    effects.push(...report(state, task, { state: 'TASK_KILLING', source: 'EXECUTOR' }, now));
  }
  return [...effects, ...terminate(state, task, now)];
}

/** The grace that a task has if the order names none. */
export function graceOf(info: TaskInfo): number {
  const nanoseconds = info.killPolicy?.gracePeriod?.nanoseconds;
  return nanoseconds === undefined ? graceDefaultMs : Math.max(0, Number(nanoseconds) / 1e6);
}

/** Sends the polite signal to a task that runs and is to end, and starts its grace. */
export function terminate(state: AgentState, task: TaskRecord, now: Instant): Effect[] {
  if (task.kill === undefined) return [];
  const deadline = task.kill.deadline ?? plusMs(now, task.kill.graceMs);
  task.kill = { ...task.kill, deadline };
  if (deadline <= now) return [{ kind: 'destroy', containerId: task.containerId, runtime: task.runtime }];
  state.deadlines.add({ at: deadline, kind: 'grace', key: task.key });
  return [{ kind: 'terminate', containerId: task.containerId, runtime: task.runtime }];
}

/** A grace may be over; late ones, for a grace shortened since or a task that has ended, are nothing. */
export function graceOver(task: TaskRecord | undefined, at: Instant): Effect[] {
  if (task === undefined || task.phase !== 'running' || task.kill?.deadline !== at) return [];
  return [{ kind: 'destroy', containerId: task.containerId, runtime: task.runtime }];
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

/** When the task must have completed, if it must. */
export function completionDeadline(task: TaskRecord): Instant | undefined {
  const nanoseconds = task.info.maxCompletionTime?.nanoseconds;
  return nanoseconds === undefined ? undefined : plusMs(task.launchedAt, Number(nanoseconds) / 1e6);
}
