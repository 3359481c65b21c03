import { isFailure, type Failure } from '@meseta/model';
import type { AgentInfo } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkInfo, checkInstant } from './check';

/** The whole record of an agent: operations carry the description, so that none of them has to read first. */
export function agentRecord(
  operation: { readonly agentInfo?: AgentInfo | undefined; readonly atMs: bigint },
  membership: 'admitted' | 'unreachable',
  name: string,
): RecordWrite | Failure {
  const agent = checkInfo(operation.agentInfo, `${name}.agent_info`);
  if (isFailure(agent)) return agent;
  const sinceMs = checkInstant(operation.atMs, `${name}.at_ms`);
  if (isFailure(sinceMs)) return sinceMs;
  return {
    key: keyOf.agent(agent.id),
    record: { kind: 'agent', agentInfo: agent.info, membership, sinceMs },
  };
}
