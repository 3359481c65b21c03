import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkId } from './check';

/** An agent is offered again; that it was emptied is forgotten. */
export function reactivateAgent({ agentId }: internal.ReactivateAgent): readonly RecordWrite[] | Failure {
  const id = checkId(agentId, 'reactivate_agent.agent_id');
  return isFailure(id) ? id : [{ key: keyOf.agentStanding(id) }];
}
