import type { FrameworkId, Instant, Resource, ResourceOperation, Resources } from '@meseta/model';
import type { Offer_Operation } from '@meseta/protocol';

/** The states that an agent gives operations, by the names of the Mesos v1 API. */
export type OperationState =
  'OPERATION_PENDING' | 'OPERATION_FINISHED' | 'OPERATION_FAILED' | 'OPERATION_ERROR' | 'OPERATION_DROPPED';

/** Whose operation it is. Names are the master's. */
export interface OperationName {
  /** 32 hex digits. */
  readonly uuid: string;
  /** Unset for an operator's. */
  readonly frameworkId: FrameworkId | undefined;
  /** What its framework calls it. */
  readonly operationId: string | undefined;
}

/** One change of the agent's resources, until whoever asked has seen what became of it. */
export interface OperationRecord extends OperationName {
  /** As it came, for the master's records. */
  readonly info: Offer_Operation;
  /** The change, unless it could not be read. */
  readonly change: ResourceOperation | undefined;
  /** Whether the last status waits for an acknowledgement. */
  readonly acknowledged: boolean;
  /** Random, if a status is to be acknowledged. */
  readonly statusUuid: string;
  state: OperationState;
  message: string | undefined;
  /** What the resources have become. */
  converted: Resources;
  sent: number;
  retryAt: Instant | undefined;
}

/** Directories of persistent volumes to make and to remove. */
export interface VolumeChanges {
  readonly create: readonly Resource[];
  readonly destroy: readonly Resource[];
}
