import type { Configuration, ReconfigurationPolicy } from './reconfiguration';
import type {
  AgentId,
  ContainerId,
  Failure,
  FrameworkId,
  ResourceOperation,
  Resources,
  TaskId,
} from '@meseta/model';
import type { ExecutorInfo, FrameworkInfo, Offer_Operation, TaskInfo } from '@meseta/protocol';
import type { CheckName, ProbeResult } from './check-record';
import type { ExecutorKey } from './executor-record';
import type { ExecutorUpdate } from './executor-session';
import type { OperationName } from './operation-record';
import type { Limit, StartedFacts, TaskKey } from './task-record';
import type { Reason } from './status';

/** Whose container it is: a task's, or a custom executor's. */
export type OwnerKey = TaskKey;

/** Everything that can happen to an agent. What is random was stamped on at the edge. */
export type Command =
  | { readonly kind: 'sessionOpened'; readonly sessionId: number }
  | { readonly kind: 'sessionClosed'; readonly sessionId: number }
  | {
      readonly kind: 'masterSaid';
      readonly sessionId: number;
      readonly term: number;
      readonly orders: readonly Order[];
    }
  | {
      readonly kind: 'containerStarted';
      readonly key: OwnerKey;
      readonly containerId: ContainerId;
      readonly runtime: string;
      readonly facts: StartedFacts;
    }
  | {
      readonly kind: 'startFailed';
      readonly key: OwnerKey;
      readonly containerId: ContainerId;
      readonly message: string;
      readonly reason: Reason;
    }
  /** A start takes long; the message says how far it has come. */
  | {
      readonly kind: 'startProgressed';
      readonly key: OwnerKey;
      readonly containerId: ContainerId;
      readonly message: string;
    }
  | { readonly kind: 'startCancelled'; readonly key: OwnerKey; readonly containerId: ContainerId }
  | {
      readonly kind: 'containerEnded';
      readonly key: OwnerKey;
      readonly containerId: ContainerId;
      readonly exit: Exit;
    }
  /** The answer to a `probe`. */
  | {
      readonly kind: 'probed';
      readonly key: TaskKey;
      readonly which: CheckName;
      readonly attempt: number;
      readonly result: ProbeResult;
    }
  /** A container has passed a limit that is not the kernel's to keep. */
  | {
      readonly kind: 'limitPassed';
      readonly key: OwnerKey;
      readonly containerId: ContainerId;
      readonly limit: Limit;
    }
  /** The resources of a task are needed by others: only revocable ones are taken so. */
  | {
      readonly kind: 'preempted';
      readonly key: TaskKey;
      readonly containerId: ContainerId;
      readonly message: string;
    }
  /** The answer to a `changeVolumes`; a message says why it could not be done. */
  | { readonly kind: 'volumesChanged'; readonly uuid: string; readonly message?: string }
  | {
      readonly kind: 'executorSubscribed';
      readonly key: ExecutorKey;
      /** A number of the stream that no other has in this life of the agent. */
      readonly connection: number;
      readonly unacknowledgedTasks: readonly TaskId[];
      readonly unacknowledgedUpdates: readonly ExecutorUpdate[];
    }
  | {
      readonly kind: 'executorDisconnected';
      readonly key: ExecutorKey;
      readonly connection: number;
    }
  | {
      readonly kind: 'executorUpdated';
      readonly key: ExecutorKey;
      readonly updates: readonly ExecutorUpdate[];
    }
  | {
      readonly kind: 'executorSaid';
      readonly key: ExecutorKey;
      readonly messages: readonly Uint8Array[];
    }
  /** What the configuration says that the agent has; the first command of a life, after which `recovered` is the second. */
  | {
      readonly kind: 'configured';
      readonly resources: Resources;
      /** The ids of the devices behind the resource gpus, in the order in which they are given out; unset where there are none behind it. */
      readonly gpus?: readonly string[];
      /** What it says besides. */
      readonly identity?: Omit<Configuration, 'resources'>;
      /** How it may differ from before; at will if unset. */
      readonly policy?: ReconfigurationPolicy;
      /** The machine was started anew, so that nothing runs that was of the agent as it was. */
      readonly rebooted?: boolean;
    }
  /** What a resource estimator says may be offered on top. */
  | { readonly kind: 'estimated'; readonly oversubscribed: Resources }
  | { readonly kind: 'recovered'; readonly outcomes: readonly Recovered[] }
  | { readonly kind: 'unregister'; readonly reason: string }
  | { readonly kind: 'closing' }
  | { readonly kind: 'tick' };

/** What the master says. */
export type Order =
  | {
      readonly kind: 'registered';
      readonly agentId: AgentId;
      readonly cluster: string;
      readonly silenceMaxMs: number;
    }
  /** The agent is not wanted; its tasks end with it, or run on. */
  | { readonly kind: 'refused'; readonly reason: string; readonly endTasks: boolean }
  | { readonly kind: 'ping'; readonly sequence: bigint }
  | Launch
  | LaunchGroup
  | {
      readonly kind: 'kill';
      readonly frameworkId: FrameworkId;
      readonly taskId: TaskId;
      readonly graceMs?: number;
      readonly seed: string;
    }
  | {
      readonly kind: 'acknowledge';
      readonly frameworkId: FrameworkId;
      readonly taskId: TaskId;
      readonly uuid: string;
    }
  | {
      readonly kind: 'reconcile';
      readonly frameworkId: FrameworkId;
      readonly taskId: TaskId;
      readonly seed: string;
    }
  | { readonly kind: 'updateFramework'; readonly frameworkId: FrameworkId; readonly info: FrameworkInfo }
  | { readonly kind: 'shutdownFramework'; readonly frameworkId: FrameworkId }
  | ApplyOperation
  | { readonly kind: 'acknowledgeOperation'; readonly uuid: string; readonly statusUuid: string }
  | { readonly kind: 'reconcileOperation'; readonly name: OperationName }
  | {
      readonly kind: 'frameworkMessage';
      readonly frameworkId: FrameworkId;
      readonly executorId: string;
      readonly data: Uint8Array;
    }
  | { readonly kind: 'shutdownExecutor'; readonly frameworkId: FrameworkId; readonly executorId: string }
  | { readonly kind: 'drain'; readonly graceMaxMs?: number; readonly markGone: boolean };

/** The runtime chosen for something, or why there is none. */
export type Plan =
  | { readonly runtime: string }
  | {
      readonly refused: 'TASK_ERROR' | 'TASK_FAILED' | 'TASK_DROPPED';
      readonly reason: Reason;
      readonly message: string;
      /** The ids are such that no record can be kept. */
      readonly unnameable?: boolean;
    };

/** One task to launch. */
export interface LaunchedTask {
  readonly taskId: TaskId;
  readonly task: TaskInfo;
  /** As the task names them. */
  readonly resources: Resources;
  readonly traceparent: string;
  /** Random; also the seed of the task's uuids. */
  readonly containerId: ContainerId;
  /** Of a task that a custom executor runs the runtime is empty. */
  readonly plan: Plan;
}

/** The executor that tasks are launched with, to be started unless it runs. */
export interface LaunchedExecutor {
  readonly executorId: string;
  readonly info: ExecutorInfo;
  readonly kind: 'pod' | 'custom';
  /** Random; used only if it does not run yet. */
  readonly containerId: ContainerId;
  readonly plan: Plan;
}

export interface Launch extends LaunchedTask {
  readonly kind: 'launch';
  readonly frameworkId: FrameworkId;
  readonly framework: FrameworkInfo;
  /** Unset for a command, which the agent runs by itself. */
  readonly executor?: LaunchedExecutor;
}

/** Tasks to launch all or none. */
export interface LaunchGroup {
  readonly kind: 'launchGroup';
  readonly frameworkId: FrameworkId;
  readonly framework: FrameworkInfo;
  readonly executor: LaunchedExecutor;
  readonly tasks: readonly LaunchedTask[];
}

/** Resources are to change. */
export interface ApplyOperation {
  readonly kind: 'applyOperation';
  readonly name: OperationName;
  /** What to do, or what is wrong with it. */
  readonly change: ResourceOperation | Failure;
  readonly info: Offer_Operation;
  readonly acknowledged: boolean;
  /** Random: the uuid of the status that is to be acknowledged. */
  readonly statusUuid: string;
}

/** How a container ended. */
export type Exit =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'signaled'; readonly signal: string }
  | { readonly kind: 'outOfMemory'; readonly limitBytes?: number; readonly usedBytes?: number }
  /** It is gone, and nobody saw how. */
  | { readonly kind: 'lost'; readonly message: string };

/** What a runtime found of a container after a restart of the agent. */
export interface Recovered {
  readonly key: OwnerKey;
  readonly containerId: ContainerId;
  readonly found:
    | { readonly kind: 'running'; readonly facts: StartedFacts }
    | { readonly kind: 'ended'; readonly exit: Exit }
    | { readonly kind: 'neverStarted' };
}
