import { isFailure } from '@meseta/model';
import type { Command } from './command';
import { agentNamed } from './deactivation';
import { forgetOldest } from './dismissal';
import { removeAgent } from './removal';
import type { Agent } from './state';
import { commit, reply, type Turn } from './turn';

/** MARK_AGENT_GONE (M49, T44). Cannot be undone; asked again, it is done already. */
export function stepMarkAgentGone(turn: Turn, command: Extract<Command, { kind: 'markAgentGone' }>): void {
  if (turn.state.gone.has(command.agentId)) return reply(turn, command.call);
  const agent = agentNamed(turn.state, command.agentId);
  if (isFailure(agent)) return reply(turn, command.call, agent);
  markGone(turn, agent, 'an operator marked it gone');
  reply(turn, command.call);
}

/** The agent will never come back: its tasks are gone by the operator's word, wherever it is, and it is refused from now on. */
export function markGone(turn: Turn, agent: Agent, why: string): void {
  const { gone } = turn.state;
  const value = { agentId: { value: agent.id }, atMs: BigInt(turn.now), mayReturn: false };
  commit(turn, { $case: 'markAgentGone', value });
  gone.set(agent.id, turn.now);
  removeAgent(turn, agent, {
    why,
    taskState: 'TASK_GONE_BY_OPERATOR',
    reason: 'REASON_AGENT_REMOVED_BY_OPERATOR',
    refusal: `agent ${agent.id} was marked gone`,
  });
  forgetOldest(turn, gone);
}
