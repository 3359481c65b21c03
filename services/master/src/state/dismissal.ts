import type { AgentId } from '@meseta/model';
import type { AgentRegistration } from './command';
import { removeAgent, type Removal } from './removal';
import type { Agent, MasterState } from './state';
import { commit, type Turn } from './turn';

/**
 * An agent leaves and may come back. Its tasks were told to have ended, and an end is final (M3): whoever leads when it is back ends what is left
 * of them, so this is in the record.
 */
export function dismiss(turn: Turn, agent: Agent, how: Removal): void {
  const value = { agentId: { value: agent.id }, atMs: BigInt(turn.now), mayReturn: true };
  commit(turn, { $case: 'markAgentGone', value });
  turn.state.dismissed.set(agent.id, turn.now);
  removeAgent(turn, agent, how);
  forgetOldest(turn, turn.state.dismissed);
}

/** One that was dismissed is back. Until it brings no tasks any more, nothing is offered of it. */
export function readmit(turn: Turn, agent: Agent, { tasks }: AgentRegistration): void {
  agent.dismissed = turn.state.dismissed.has(agent.id) && tasks.length > 0;
  if (!agent.dismissed && turn.state.dismissed.delete(agent.id)) forget(turn, agent.id);
}

/** All that was left of its tasks has ended. What it brings when it registers again says whether it knows that. */
export function lookAgain(turn: Turn, agent: Agent): void {
  if (!agent.dismissed || agent.tasks.size > 0 || agent.session === undefined) return;
  turn.effects.push({ kind: 'endSession', session: agent.session });
}

/** At the bound the one that left first is forgotten. */
export function forgetOldest(turn: Turn, left: MasterState['gone']): void {
  while (left.size > turn.state.options.goneAgentsMax) {
    const [oldest] = left.keys();
    if (oldest === undefined) return;
    left.delete(oldest);
    forget(turn, oldest);
  }
}

function forget(turn: Turn, agentId: AgentId): void {
  const value = { agentIds: [], frameworkIds: [], goneAgentIds: [{ value: agentId }] };
  commit(turn, { $case: 'forgetRecords', value });
}
