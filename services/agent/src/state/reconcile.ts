import type { FrameworkId, Instant, TaskId } from '@meseta/model';
import type { Effect } from './effect';
import { stateFor } from './capabilities';
import type { AgentState, StatusRecord } from './state';
import { taskKey } from './state';
import { uuidAt, type Reason } from './status';

/** The master believes that a task is here (T58). If it is not, it never will be. If it is, its updates are on their way. */
export function stepReconcile(
  state: AgentState,
  frameworkId: FrameworkId,
  taskId: TaskId,
  seed: string,
  now: Instant,
): Effect[] {
  if (state.tasks.has(taskKey(frameworkId, taskId))) return [];
  return disown(
    state,
    frameworkId,
    taskId,
    seed,
    'RECONCILIATION',
    'Reconciliation: the agent does not know the task',
    now,
  );
}

/**
 * Tells that a task is not here and will not be.
 *
 * Sent once and not kept: there is no record to keep it in, and whoever misses it asks again.
 */
export function disown(
  state: AgentState,
  frameworkId: FrameworkId,
  taskId: TaskId,
  seed: string,
  reason: Reason,
  message: string,
  now: Instant,
): Effect[] {
  const told = stateFor(state, frameworkId, 'TASK_DROPPED');
  return tellOnce(state, frameworkId, taskId, {
    uuid: uuidAt(seed, 0),
    state: told,
    source: 'AGENT',
    reason,
    message,
    at: now,
  });
}

/** Sends a status of a task that the agent has no record of. */
export function tellOnce(
  state: AgentState,
  frameworkId: FrameworkId,
  taskId: TaskId,
  status: StatusRecord,
): Effect[] {
  if (state.session?.registered !== true) return [];
  return [
    {
      kind: 'status',
      frameworkId,
      taskId,
      status,
      latestState: status.state,
      traceparent: '',
      key: undefined,
      attempt: 1,
    },
  ];
}
