/** The states of an operation on resources, with the names of the Mesos v1 API (S82). */
export type OperationState =
  | 'OPERATION_PENDING'
  | 'OPERATION_FINISHED'
  | 'OPERATION_FAILED'
  | 'OPERATION_ERROR'
  | 'OPERATION_DROPPED'
  | 'OPERATION_UNREACHABLE'
  | 'OPERATION_GONE_BY_OPERATOR'
  | 'OPERATION_RECOVERING'
  | 'OPERATION_UNKNOWN';

/** Whether an operation in each state has ended for good. */
export const operationStates: Readonly<Record<OperationState, { readonly terminal: boolean }>> = {
  OPERATION_PENDING: { terminal: false },
  OPERATION_FINISHED: { terminal: true },
  OPERATION_FAILED: { terminal: true },
  OPERATION_ERROR: { terminal: true },
  OPERATION_DROPPED: { terminal: true },
  OPERATION_UNREACHABLE: { terminal: false },
  OPERATION_GONE_BY_OPERATOR: { terminal: true },
  OPERATION_RECOVERING: { terminal: false },
  OPERATION_UNKNOWN: { terminal: false },
};

export function isTerminalOperation(state: OperationState): boolean {
  return operationStates[state].terminal;
}
