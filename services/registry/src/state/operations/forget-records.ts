import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkId } from './check';

/** Forget records that nobody needs any more. One that is not there counts as forgotten. */
export function forgetRecords(operation: internal.ForgetRecords): readonly RecordWrite[] | Failure {
  const writes: RecordWrite[] = [];
  for (const agentId of operation.agentIds) {
    const id = checkId(agentId, 'forget_records.agent_ids');
    if (isFailure(id)) return id;
    writes.push({ key: keyOf.agent(id) });
  }
  for (const frameworkId of operation.frameworkIds) {
    const id = checkId(frameworkId, 'forget_records.framework_ids');
    if (isFailure(id)) return id;
    writes.push({ key: keyOf.framework(id) });
  }
  for (const agentId of operation.goneAgentIds) {
    const id = checkId(agentId, 'forget_records.gone_agent_ids');
    if (isFailure(id)) return id;
    writes.push({ key: keyOf.goneAgent(id) });
  }
  return writes;
}
