import type { ContainerId, FrameworkId, TaskId, TaskState } from '@meseta/model';
import type { FrameworkInfo, TaskInfo } from '@meseta/protocol';
import type { CheckName } from './check-record';
import type { ExecutorKey, ExecutorRecord } from './executor-record';
import type { OperationName, OperationState, VolumeChanges } from './operation-record';
import type { Resources } from '@meseta/model';
import type { StatusRecord, TaskKey, TaskRecord } from './task-record';

/** What must be durable before anything else of the same turn is let out. */
export type Write =
  /** Who the agent is, what its resources have become, whether it is being emptied. */
  | { readonly kind: 'saveAgent' }
  | { readonly kind: 'forgetAgent' }
  | { readonly kind: 'saveFramework'; readonly frameworkId: FrameworkId }
  | { readonly kind: 'forgetFramework'; readonly frameworkId: FrameworkId; readonly info: FrameworkInfo }
  /** The executor is new: its description is written too, once. */
  | { readonly kind: 'saveNewExecutor'; readonly key: ExecutorKey }
  | { readonly kind: 'saveExecutor'; readonly key: ExecutorKey }
  | { readonly kind: 'forgetExecutor'; readonly executor: ExecutorRecord }
  /** The task is new: its description is written too, once. */
  | { readonly kind: 'saveNewTask'; readonly key: TaskKey }
  | { readonly kind: 'saveTask'; readonly key: TaskKey }
  | { readonly kind: 'forgetTask'; readonly task: TaskRecord }
  | { readonly kind: 'saveOperation'; readonly uuid: string }
  | { readonly kind: 'forgetOperation'; readonly uuid: string };

/** What happens in the world once the writes are durable. */
export type Act =
  /** Answered with `containerStarted` or `startFailed`. */
  | { readonly kind: 'start'; readonly key: TaskKey }
  /** The process of a custom executor; answered like `start`. */
  | { readonly kind: 'startExecutor'; readonly key: ExecutorKey }
  /** Answered with `startCancelled` if it has not begun; otherwise the start goes on and is answered as ever. */
  | { readonly kind: 'cancelStart'; readonly key: TaskKey; readonly containerId: ContainerId }
  | { readonly kind: 'terminate'; readonly containerId: ContainerId; readonly runtime: string }
  | { readonly kind: 'destroy'; readonly containerId: ContainerId; readonly runtime: string }
  /** The container has ended and nobody will ask for its end again. */
  | { readonly kind: 'release'; readonly containerId: ContainerId; readonly runtime: string }
  /** The tasks of an executor have changed, and with them what it may use. */
  | { readonly kind: 'resize'; readonly key: ExecutorKey }
  /** Asks a check's question; answered with `probed`. */
  | { readonly kind: 'probe'; readonly key: TaskKey; readonly which: CheckName; readonly attempt: number }
  /** Answered with `volumesChanged`. */
  | { readonly kind: 'changeVolumes'; readonly uuid: string; readonly changes: VolumeChanges }
  | {
      readonly kind: 'deliver';
      readonly key: ExecutorKey;
      readonly connection: number;
      readonly events: readonly ExecutorEvent[];
    }
  /** The stream is not, or no longer, the executor's. */
  | { readonly kind: 'disconnectExecutor'; readonly connection: number; readonly message: string }
  /** Acts of a conversation name it: by the time that they are done there may be another. */
  | { readonly kind: 'register'; readonly sessionId: number }
  | { readonly kind: 'registered'; readonly sessionId: number; readonly silenceMaxMs: number }
  | { readonly kind: 'pong'; readonly sequence: bigint }
  | StatusOut
  | OperationOut
  | {
      readonly kind: 'executorMessage';
      readonly frameworkId: FrameworkId;
      readonly executorId: string;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: 'executorEnded';
      readonly frameworkId: FrameworkId;
      readonly executorId: string;
      readonly status: number;
      readonly message: string;
    }
  | { readonly kind: 'resourcesChanged' }
  | { readonly kind: 'sayGoodbye'; readonly reason: string }
  | { readonly kind: 'closeSession'; readonly sessionId: number; readonly reason: string }
  /** The agent must not go on; the message is the one line that says why. */
  | { readonly kind: 'stop'; readonly message: string }
  | {
      readonly kind: 'note';
      readonly level: 'info' | 'warn';
      readonly message: string;
      readonly frameworkId?: FrameworkId;
      readonly taskId?: TaskId;
      readonly executorId?: string;
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

/** An operation's status on its way to the master. */
export interface OperationOut {
  readonly kind: 'operation';
  readonly name: OperationName;
  readonly state: OperationState;
  readonly message?: string;
  readonly converted: Resources;
  /** Set if and only if the status waits for an acknowledgement. */
  readonly statusUuid?: string;
  /** 1 the first time. */
  readonly attempt: number;
}

/** What a custom executor is told. */
export type ExecutorEvent =
  | { readonly kind: 'subscribed' }
  | { readonly kind: 'launch'; readonly task: TaskInfo }
  | { readonly kind: 'launchGroup'; readonly tasks: readonly TaskInfo[] }
  | { readonly kind: 'kill'; readonly taskId: TaskId; readonly graceMs: number }
  | { readonly kind: 'acknowledged'; readonly taskId: TaskId; readonly uuid: string }
  | { readonly kind: 'message'; readonly data: Uint8Array }
  | { readonly kind: 'shutdown' };

export type Effect = Write | Act;

const writes: ReadonlySet<Effect['kind']> = new Set<Write['kind']>([
  'saveAgent',
  'forgetAgent',
  'saveFramework',
  'forgetFramework',
  'saveNewExecutor',
  'saveExecutor',
  'forgetExecutor',
  'saveNewTask',
  'saveTask',
  'forgetTask',
  'saveOperation',
  'forgetOperation',
]);

export function isWrite(effect: Effect): effect is Write {
  return writes.has(effect.kind);
}
