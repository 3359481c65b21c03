import {
  operationStateToProto,
  type Operation as ProtoOperation,
  type OperationStatus,
} from '@meseta/protocol';
import type { MadeOperationStatus } from '../state/effect';
import type { Operation } from '../state/state';

/** A status in the master's own words. */
export function madeOperationStatusToProto(status: MadeOperationStatus): OperationStatus {
  return {
    operationId: { value: status.operationId },
    state: operationStateToProto(status.state),
    message: status.message,
    convertedResources: [],
    ...(status.agentId !== undefined && { agentId: { value: status.agentId } }),
  };
}

/** An operation as operators see it. */
export function operationToProto(operation: Operation): ProtoOperation {
  const { id, frameworkId, agentId, info, state, uuid } = operation;
  return {
    ...(frameworkId !== undefined && { frameworkId: { value: frameworkId } }),
    agentId: { value: agentId },
    info,
    latestStatus: {
      ...(id !== undefined && { operationId: { value: id } }),
      state: operationStateToProto(state),
      convertedResources: [],
      agentId: { value: agentId },
    },
    statuses: [],
    uuid: { value: Buffer.from(uuid, 'hex') },
  };
}
