import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkId, checkInstant } from './check';

/** An agent may not come back, or not with what ran there. It is remembered until `forget_records`. */
export function markAgentGone({
  agentId,
  atMs,
  mayReturn,
}: internal.MarkAgentGone): readonly RecordWrite[] | Failure {
  const id = checkId(agentId, 'mark_agent_gone.agent_id');
  if (isFailure(id)) return id;
  const sinceMs = checkInstant(atMs, 'mark_agent_gone.at_ms');
  if (isFailure(sinceMs)) return sinceMs;
  return [
    { key: keyOf.goneAgent(id), record: { kind: 'goneAgent', agentId: id, sinceMs, mayReturn } },
    { key: keyOf.agent(id) },
    { key: keyOf.agentStanding(id) },
  ];
}
