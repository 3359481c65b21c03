import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { RecordWrite } from '../record';
import { agentRecord } from './agent-record';

/** An agent is out of contact; it may return. */
export function markAgentUnreachable(
  operation: internal.MarkAgentUnreachable,
): readonly RecordWrite[] | Failure {
  const write = agentRecord(operation, 'unreachable', 'mark_agent_unreachable');
  return isFailure(write) ? write : [write];
}
