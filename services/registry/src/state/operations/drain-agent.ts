import type { Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { RecordWrite } from '../record';
import { drainRecord } from './drain-record';

/** An agent is emptied of its tasks, and nothing is offered of it. */
export function drainAgent(operation: internal.DrainAgent): readonly RecordWrite[] | Failure {
  return drainRecord(operation, 'draining', 'drain_agent');
}
