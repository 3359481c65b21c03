import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { RecordWrite } from '../record';
import { agentRecord } from './agent-record';

/** An agent joins, or is not what it was. */
export function admitAgent(operation: internal.AdmitAgent): readonly RecordWrite[] | Failure {
  const write = agentRecord(operation, 'admitted', 'admit_agent');
  return isFailure(write) ? write : [write];
}
