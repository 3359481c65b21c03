import { frameworkId, isFailure, Resources, type Resource } from '@meseta/model';
import { Offer_Operation, resourceOperationFromProto } from '@meseta/protocol';
import type { OperationRecord } from '../state/operation-record';

/** An operation as it lies on disk. */
export interface StoredOperation {
  readonly uuid: string;
  readonly frameworkId: string | undefined;
  readonly operationId: string | undefined;
  readonly info: Uint8Array;
  readonly acknowledged: boolean;
  readonly statusUuid: string;
  readonly state: OperationRecord['state'];
  readonly message: string | undefined;
  readonly converted: readonly Resource[];
}

export function storedOperation(operation: OperationRecord): StoredOperation {
  const { uuid, frameworkId, operationId, info, acknowledged, statusUuid, state, message } = operation;
  const bytes = Buffer.from(Offer_Operation.encode(info).finish());
  const name = { uuid, frameworkId, operationId };
  const converted = operation.converted.entries;
  return { ...name, info: bytes, acknowledged, statusUuid, state, message, converted };
}

/** The record again; nothing of it has been sent in this life of the agent. */
export function operationOf(stored: StoredOperation): OperationRecord {
  const info = Offer_Operation.decode(stored.info);
  const change = resourceOperationFromProto(info);
  return {
    ...stored,
    frameworkId: stored.frameworkId === undefined ? undefined : frameworkId(stored.frameworkId),
    info,
    change: isFailure(change) ? undefined : change,
    converted: Resources.of(stored.converted),
    sent: 0,
    retryAt: undefined,
  };
}
