import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkId } from './check';

/** Nothing is offered of an agent; what runs there goes on. */
export function deactivateAgent({ agentId }: internal.DeactivateAgent): readonly RecordWrite[] | Failure {
  const id = checkId(agentId, 'deactivate_agent.agent_id');
  if (isFailure(id)) return id;
  return [
    {
      key: keyOf.agentStanding(id),
      record: { kind: 'agentStanding', agentId: id, drain: undefined, drainStartedAtMs: 0 },
    },
  ];
}
