import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkId } from './check';

/** An agent left for good. */
export function removeAgent(operation: internal.RemoveAgent): readonly RecordWrite[] | Failure {
  const id = checkId(operation.agentId, 'remove_agent.agent_id');
  return isFailure(id) ? id : [{ key: keyOf.agent(id) }];
}
