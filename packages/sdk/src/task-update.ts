import { isFailure, type TaskState } from '@meseta/model';
import { taskStateFromProto, type TaskStatus } from '@meseta/protocol';

/** A change of a task, as the framework hears it. */
export interface TaskUpdate {
  readonly taskId: string;
  readonly state: TaskState;
  /** What happened, in words; '' if nobody said. */
  readonly message: string;
  /** Why, as REASON_…, without the prefix; unset when there is nothing to explain. */
  readonly reason?: string;
  /** Who said it: MASTER, AGENT or EXECUTOR. */
  readonly source?: string;
  readonly agentId?: string;
  /** When it happened, in milliseconds since the epoch. */
  readonly atMs?: number;
  /** What the health check said last; unset if there is none. */
  readonly healthy?: boolean;
  /** The message itself, for what this has no word for. */
  readonly status: TaskStatus;
}

/** Reads a status; undefined if it names no task or a state from the future, which nobody here could act on. */
export function taskUpdateOf(status: TaskStatus): TaskUpdate | undefined {
  const state = taskStateFromProto(status.state);
  const taskId = status.taskId?.value;
  if (isFailure(state) || taskId === undefined || taskId === '') return undefined;
  const reason = status.reason?.replace(/^REASON_/, '');
  const source = status.source?.replace(/^SOURCE_/, '');
  return {
    taskId,
    state,
    message: status.message ?? '',
    ...(reason === undefined || reason === 'UNSPECIFIED' ? {} : { reason }),
    ...(source === undefined || source === 'UNSPECIFIED' ? {} : { source }),
    ...(status.agentId?.value === undefined ? {} : { agentId: status.agentId.value }),
    ...(status.timestamp === undefined ? {} : { atMs: Math.round(status.timestamp * 1000) }),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
    status,
  };
}
