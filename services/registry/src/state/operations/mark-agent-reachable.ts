import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { RecordWrite } from '../record';
import { agentRecord } from './agent-record';

/** An agent is back. */
export function markAgentReachable(operation: internal.MarkAgentReachable): readonly RecordWrite[] | Failure {
  const write = agentRecord(operation, 'admitted', 'mark_agent_reachable');
  return isFailure(write) ? write : [write];
}
