import { failure, isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { admitAgent } from './operations/admit-agent';
import { deactivateAgent } from './operations/deactivate-agent';
import { drainAgent } from './operations/drain-agent';
import { forgetRecords } from './operations/forget-records';
import { markAgentDrained } from './operations/mark-agent-drained';
import { markAgentGone } from './operations/mark-agent-gone';
import { markAgentReachable } from './operations/mark-agent-reachable';
import { markAgentUnreachable } from './operations/mark-agent-unreachable';
import { planMaintenance } from './operations/plan-maintenance';
import { putFramework } from './operations/put-framework';
import { reactivateAgent } from './operations/reactivate-agent';
import { removeAgent } from './operations/remove-agent';
import { removeFramework } from './operations/remove-framework';
import { setQuota } from './operations/set-quota';
import { setWeight } from './operations/set-weight';
import type { RecordWrite } from './record';

/**
 * What a list of operations writes, in order, or why one of them is refused: then none of them is written.
 *
 * Needs no state: every operation carries all that its record holds, so a commit never has to read first, and doing it
 * twice is the same as doing it once.
 */
export function planCommit(
  operations: readonly internal.RegistryOperation[],
): readonly RecordWrite[] | Failure {
  const writes: RecordWrite[] = [];
  for (const [index, { operation }] of operations.entries()) {
    const planned = planOperation(operation);
    if (isFailure(planned)) return { ...planned, message: `operations[${index}]: ${planned.message}` };
    writes.push(...planned);
  }
  return writes;
}

function planOperation(operation: internal.RegistryOperation['operation']): readonly RecordWrite[] | Failure {
  switch (operation?.$case) {
    case undefined:
      return failure('invalid', 'the kind of operation is not known here', { field: 'operation' });
    case 'admitAgent':
      return admitAgent(operation.value);
    case 'markAgentUnreachable':
      return markAgentUnreachable(operation.value);
    case 'markAgentReachable':
      return markAgentReachable(operation.value);
    case 'removeAgent':
      return removeAgent(operation.value);
    case 'drainAgent':
      return drainAgent(operation.value);
    case 'markAgentDrained':
      return markAgentDrained(operation.value);
    case 'deactivateAgent':
      return deactivateAgent(operation.value);
    case 'reactivateAgent':
      return reactivateAgent(operation.value);
    case 'markAgentGone':
      return markAgentGone(operation.value);
    case 'planMaintenance':
      return planMaintenance(operation.value);
    case 'putFramework':
      return putFramework(operation.value);
    case 'removeFramework':
      return removeFramework(operation.value);
    case 'setWeight':
      return setWeight(operation.value);
    case 'setQuota':
      return setQuota(operation.value);
    case 'forgetRecords':
      return forgetRecords(operation.value);
  }
}
