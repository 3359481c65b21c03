import type { Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { RecordWrite } from '../record';
import { drainRecord } from './drain-record';

/** An agent that was emptied has nothing left. */
export function markAgentDrained(operation: internal.MarkAgentDrained): readonly RecordWrite[] | Failure {
  return drainRecord(operation, 'drained', 'mark_agent_drained');
}
