import {
  OperationState as ProtoState,
  resourcesToProto,
  type internal,
  type Operation,
  type OperationStatus,
} from '@meseta/protocol';
import type { AgentId } from '@meseta/model';
import type { OperationOut } from '../state/effect';
import type { OperationRecord, OperationState } from '../state/operation-record';

/** An operation's status on its way to the master. */
export function operationMessage(out: OperationOut, agentId: AgentId | undefined): internal.AgentMessage {
  const { name, state } = out;
  return {
    message: {
      $case: 'operationUpdate',
      value: {
        ...(name.frameworkId !== undefined && { frameworkId: { value: name.frameworkId } }),
        operationUuid: { value: Buffer.from(name.uuid, 'hex') },
        status: {
          ...(name.operationId !== undefined && { operationId: { value: name.operationId } }),
          state: stateToProto(state),
          ...(out.message !== undefined && { message: out.message }),
          convertedResources: resourcesToProto(out.converted),
          ...(out.statusUuid !== undefined && { uuid: { value: Buffer.from(out.statusUuid, 'hex') } }),
          ...(agentId !== undefined && { agentId: { value: agentId } }),
        },
        latestState: stateToProto(state),
      },
    },
  };
}

/** An operation as the agent tells of it when it registers. */
export function operationToProto(operation: OperationRecord, agentId: AgentId | undefined): Operation {
  const { uuid, frameworkId, operationId, info, state, message, converted, acknowledged } = operation;
  const waits = acknowledged && state !== 'OPERATION_PENDING';
  const status: OperationStatus = {
    ...(operationId !== undefined && { operationId: { value: operationId } }),
    state: stateToProto(state),
    ...(message !== undefined && { message }),
    convertedResources: state === 'OPERATION_FINISHED' ? resourcesToProto(converted) : [],
    ...(waits && { uuid: { value: Buffer.from(operation.statusUuid, 'hex') } }),
    ...(agentId !== undefined && { agentId: { value: agentId } }),
  };
  return {
    ...(frameworkId !== undefined && { frameworkId: { value: frameworkId } }),
    ...(agentId !== undefined && { agentId: { value: agentId } }),
    info,
    latestStatus: status,
    statuses: state === 'OPERATION_PENDING' ? [] : [status],
    uuid: { value: Buffer.from(uuid, 'hex') },
  };
}

function stateToProto(state: OperationState): ProtoState {
  return ProtoState[state];
}
