import type { Failure, OperationState } from '@meseta/model';
import { failure, operationStates } from '@meseta/model';
import { OperationState as ProtoOperationState } from '../gen/meseta/v1/operations';

/** The state as it goes over the wire. */
export function operationStateToProto(state: OperationState): ProtoOperationState {
  return ProtoOperationState[state];
}

/** The state that came over the wire. One that is unset, or that a newer peer made up, is a failure. */
export function operationStateFromProto(state: ProtoOperationState | undefined): OperationState | Failure {
  if (state !== undefined && Object.hasOwn(operationStates, state)) return state as string as OperationState;
  return failure('invalid', `state must be one of the known operation states, not '${state ?? 'unset'}'`, {
    field: 'state',
  });
}
