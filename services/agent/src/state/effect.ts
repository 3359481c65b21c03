import type { ContainerId, FrameworkId, TaskId, TaskState } from '@meseta/model';
import type { StatusRecord, TaskKey, TaskRecord } from './state';

/** What must be durable before anything else of the same turn is let out. */
export type Write =
  | { readonly kind: 'saveAgent' }
  | { readonly kind: 'forgetAgent' }
  | { readonly kind: 'saveFramework'; readonly frameworkId: FrameworkId }
  | { readonly kind: 'forgetFramework'; readonly frameworkId: FrameworkId }
  /** The task is new: its description is written too, once. */
  | { readonly kind: 'saveNewTask'; readonly key: TaskKey }
  | { readonly kind: 'saveTask'; readonly key: TaskKey }
  | { readonly kind: 'forgetTask'; readonly task: TaskRecord };

/** What happens in the world once the writes are durable. */
export type Act =
  | { readonly kind: 'start'; readonly key: TaskKey }
  /** Answered with `startCancelled` if it has not begun; otherwise the start goes on and is answered as ever. */
  | { readonly kind: 'cancelStart'; readonly key: TaskKey; readonly containerId: ContainerId }
  | { readonly kind: 'terminate'; readonly containerId: ContainerId; readonly runtime: string }
  | { readonly kind: 'destroy'; readonly containerId: ContainerId; readonly runtime: string }
  /** The container has ended and nobody will ask for its end again. */
  | { readonly kind: 'release'; readonly containerId: ContainerId; readonly runtime: string }
  | { readonly kind: 'register' }
  | { readonly kind: 'registered'; readonly silenceMaxMs: number }
  | { readonly kind: 'pong'; readonly sequence: bigint }
  | StatusOut
  | { readonly kind: 'sayGoodbye'; readonly reason: string }
  | { readonly kind: 'closeSession'; readonly reason: string }
  /** The agent must not go on; the message is the one line that says why. */
  | { readonly kind: 'stop'; readonly message: string }
  | {
      readonly kind: 'note';
      readonly level: 'info' | 'warn';
      readonly message: string;
      readonly frameworkId?: FrameworkId;
      readonly taskId?: TaskId;
      readonly state?: TaskState;
      /** The trace that the task's launch is part of, if it is traced. */
      readonly traceId?: string;
    };

/** A status on its way to the master. */
export interface StatusOut {
  readonly kind: 'status';
  readonly frameworkId: FrameworkId;
  readonly taskId: TaskId;
  readonly status: StatusRecord;
  readonly latestState: TaskState;
  readonly traceparent: string;
  /** The task's record, for what is known of its container; unset for a task that the agent does not know. */
  readonly key: TaskKey | undefined;
  /** 1 the first time. */
  readonly attempt: number;
}

export type Effect = Write | Act;

const writes: ReadonlySet<Effect['kind']> = new Set<Write['kind']>([
  'saveAgent',
  'forgetAgent',
  'saveFramework',
  'forgetFramework',
  'saveNewTask',
  'saveTask',
  'forgetTask',
]);

export function isWrite(effect: Effect): effect is Write {
  return writes.has(effect.kind);
}
