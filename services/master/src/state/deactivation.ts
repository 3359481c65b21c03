import { failure, type AgentId, type Failure } from '@meseta/model';
import type { Command } from './command';
import { rescindAgentOffers } from './offers';
import type { Agent, MasterState } from './state';
import { commit, observe, reply, tellAllocator, type Turn } from './turn';
import { mayOffer, withheldOf } from './withheld';

/** DEACTIVATE_AGENT (M47): nothing is offered of the agent until it is reactivated; what runs there goes on. */
export function stepDeactivateAgent(
  turn: Turn,
  command: Extract<Command, { kind: 'deactivateAgent' }>,
): void {
  const agent = agentNamed(turn.state, command.agentId);
  if ('failure' in agent) return reply(turn, command.call, agent);
  if (!agent.deactivated) {
    commit(turn, { $case: 'deactivateAgent', value: { agentId: { value: agent.id } } });
    withhold(turn, agent);
    observe(turn, { kind: 'agent', agentId: agent.id, to: 'deactivated', why: 'an operator asked for it' });
  }
  reply(turn, command.call);
}

/** REACTIVATE_AGENT (M48): the agent is offered again, and that it was drained is forgotten. One that is being drained stays withheld. */
export function stepReactivateAgent(
  turn: Turn,
  command: Extract<Command, { kind: 'reactivateAgent' }>,
): void {
  const agent = agentNamed(turn.state, command.agentId);
  if ('failure' in agent) return reply(turn, command.call, agent);
  const refused = mayNotReturn(agent);
  if (refused !== undefined) return reply(turn, command.call, failure('conflict', refused));
  commit(turn, { $case: 'reactivateAgent', value: { agentId: { value: agent.id } } });
  agent.deactivated = false;
  agent.drain = undefined;
  if (mayOffer(agent)) tellAllocator(turn, { kind: 'agentActivated', agentId: agent.id, active: true });
  observe(turn, { kind: 'agent', agentId: agent.id, to: 'reactivated', why: 'an operator asked for it' });
  reply(turn, command.call);
}

/** The agent that an operator names, or why there is none. */
export function agentNamed(state: MasterState, agentId: AgentId): Agent | Failure {
  if (agentId === '') return failure('invalid', 'agent_id must be set', { field: 'agent_id' });
  const gone = state.gone.has(agentId) ? ' any more: it was marked gone' : '';
  return state.agents.get(agentId) ?? failure('notFound', `agent ${agentId} is not known${gone}`);
}

/** Takes back what is offered of an agent, and stops its offers. Told again, it says why anew. */
export function withhold(turn: Turn, agent: Agent): void {
  agent.deactivated = true;
  rescindAgentOffers(turn, agent);
  const withheld = withheldOf(agent);
  if (agent.membership === 'active')
    tellAllocator(turn, {
      kind: 'agentActivated',
      agentId: agent.id,
      active: false,
      ...(withheld !== undefined && { withheld }),
    });
}

/** The agent leaves the record, and what was said of it with it. */
export function forgetAgent(turn: Turn, agent: Agent): void {
  const agentId = { value: agent.id };
  commit(turn, { $case: 'removeAgent', value: { agentId } });
  if (agent.deactivated) commit(turn, { $case: 'reactivateAgent', value: { agentId } });
}

function mayNotReturn({ id, deactivated, drain }: Agent): string | undefined {
  if (!deactivated) return `agent ${id} is not deactivated`;
  return drain?.state === 'DRAINING' ? `agent ${id} is being drained` : undefined;
}
