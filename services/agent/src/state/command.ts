import type { AgentId, ContainerId, FrameworkId, TaskId } from '@meseta/model';
import type { FrameworkInfo, TaskInfo } from '@meseta/protocol';
import type { ContainerFacts, TaskKey } from './state';
import type { Reason } from './status';

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
      readonly key: TaskKey;
      readonly containerId: ContainerId;
      readonly facts: ContainerFacts;
    }
  | {
      readonly kind: 'startFailed';
      readonly key: TaskKey;
      readonly containerId: ContainerId;
      readonly message: string;
      readonly reason: Reason;
    }
  | { readonly kind: 'startCancelled'; readonly key: TaskKey; readonly containerId: ContainerId }
  | {
      readonly kind: 'containerEnded';
      readonly key: TaskKey;
      readonly containerId: ContainerId;
      readonly exit: Exit;
    }
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
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'ping'; readonly sequence: bigint }
  | Launch
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
  | { readonly kind: 'shutdownFramework'; readonly frameworkId: FrameworkId };

export interface Launch {
  readonly kind: 'launch';
  readonly frameworkId: FrameworkId;
  readonly framework: FrameworkInfo;
  readonly taskId: TaskId;
  readonly task: TaskInfo;
  readonly traceparent: string;
  /** Random; also the seed of the task's uuids. */
  readonly containerId: ContainerId;
  /** The runtime chosen for it, or why there is none. */
  readonly plan:
    | { readonly runtime: string }
    | {
        readonly refused: 'TASK_ERROR' | 'TASK_FAILED';
        readonly reason: Reason;
        readonly message: string;
        /** The task's ids are such that no record of it can be kept. */
        readonly unnameable?: boolean;
      };
}

/** How a container ended. */
export type Exit =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'signaled'; readonly signal: string }
  | { readonly kind: 'outOfMemory'; readonly limitBytes?: number }
  /** It is gone, and nobody saw how. */
  | { readonly kind: 'lost'; readonly message: string };

/** What a runtime found of a container after a restart of the agent. */
export interface Recovered {
  readonly key: TaskKey;
  readonly containerId: ContainerId;
  readonly found:
    | { readonly kind: 'running'; readonly facts: ContainerFacts }
    | { readonly kind: 'ended'; readonly exit: Exit }
    | { readonly kind: 'neverStarted' };
}
