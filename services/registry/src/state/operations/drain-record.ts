import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkId, checkInstant } from './check';

/** How an agent that is being emptied, or was, is recorded. */
export function drainRecord(
  { agentId, config, startedAtMs }: internal.DrainAgent,
  state: 'draining' | 'drained',
  name: string,
): readonly RecordWrite[] | Failure {
  const id = checkId(agentId, `${name}.agent_id`);
  if (isFailure(id)) return id;
  const drainStartedAtMs = checkInstant(startedAtMs, `${name}.started_at_ms`);
  if (isFailure(drainStartedAtMs)) return drainStartedAtMs;
  return [
    {
      key: keyOf.agentStanding(id),
      record: {
        kind: 'agentStanding',
        agentId: id,
        drain: { state, config: config ?? {} },
        drainStartedAtMs,
      },
    },
  ];
}
