import { failure, isFailure, nanosecondsOf, type AgentId } from '@meseta/model';
import type { Command } from './command';
import { agentNamed, withhold } from './deactivation';
import { markGone } from './gone';
import type { Agent, Drain } from './state';
import { commit, observe, order, reply, type Turn } from './turn';

/**
 * DRAIN_AGENT (M46): the agent kills its tasks and nothing is offered of it. Asked again, the newer configuration counts. An agent that is
 * away is told when it is back.
 */
export function stepDrainAgent(turn: Turn, command: Extract<Command, { kind: 'drainAgent' }>): void {
  const agent = agentNamed(turn.state, command.agentId);
  if (isFailure(agent)) return reply(turn, command.call, agent);
  if (agent.session !== undefined && !agent.capabilities.includes('AGENT_DRAINING'))
    return reply(turn, command.call, failure('conflict', `agent ${agent.id} cannot drain: it is too old`));
  const { graceMaxMs, markGone: gone } = command;
  const startedAt = agent.drain?.state === 'DRAINING' ? agent.drain.startedAt : turn.now;
  beginDrain(turn, agent, { graceMaxMs, markGone: gone, startedAt });
  withhold(turn, agent);
  orderDrain(turn, agent);
  observe(turn, { kind: 'agent', agentId: agent.id, to: 'draining', why: 'an operator asked for it' });
  reply(turn, command.call);
}

/** An agent that is to be empty has come back: it may not have heard, and may have brought tasks. */
export function resumeDrain(turn: Turn, agent: Agent): void {
  const { drain } = agent;
  if (drain === undefined) return;
  if (drain.state === 'DRAINED' && !isEmpty(agent)) beginDrain(turn, agent, drain);
  orderDrain(turn, agent);
}

/**
 * Looks whether an agent that is being drained has nothing left: no tasks, ended ones that are not acknowledged included, no executors and
 * no operations. What makes one empty is many things, so every step ends with this look; there are few to look at.
 */
export function settleDrains(turn: Turn): void {
  const { agents, draining } = turn.state;
  for (const agentId of draining) {
    const agent = agents.get(agentId);
    if (agent === undefined) draining.delete(agentId);
    else if (agent.membership === 'active' && isEmpty(agent)) endDrain(turn, agent);
  }
}

/** Adds what the registry knows of an agent's draining. */
export function recoverDrain(draining: Set<AgentId>, agent: Agent, drain: Drain): void {
  agent.drain = drain;
  if (drain.state === 'DRAINING') draining.add(agent.id);
}

function beginDrain(turn: Turn, agent: Agent, asked: Omit<Drain, 'state'>): void {
  agent.drain = { ...asked, state: 'DRAINING' };
  turn.state.draining.add(agent.id);
  commit(turn, { $case: 'drainAgent', value: toRecord(agent.id, asked) });
}

function endDrain(turn: Turn, agent: Agent): void {
  turn.state.draining.delete(agent.id);
  const { drain } = agent;
  if (drain === undefined) return;
  if (drain.markGone) return markGone(turn, agent, 'it was drained to be marked gone');
  agent.drain = { ...drain, state: 'DRAINED' };
  commit(turn, { $case: 'markAgentDrained', value: toRecord(agent.id, drain) });
  withhold(turn, agent);
  observe(turn, { kind: 'agent', agentId: agent.id, to: 'drained', why: 'nothing is left on it' });
}

function orderDrain(turn: Turn, agent: Agent): void {
  if (agent.drain === undefined) return;
  const { graceMaxMs, markGone: gone } = agent.drain;
  order(turn, agent, {
    $case: 'drain',
    value: { maxGracePeriodMs: BigInt(Math.round(graceMaxMs ?? -1)), markGone: gone },
  });
}

function isEmpty(agent: Agent): boolean {
  return agent.tasks.size + agent.executors.size + agent.operations.size === 0;
}

function toRecord(agentId: AgentId, { graceMaxMs, markGone: gone, startedAt }: Omit<Drain, 'state'>) {
  return {
    agentId: { value: agentId },
    config: drainConfigOf({ graceMaxMs, markGone: gone }),
    startedAtMs: BigInt(startedAt),
  };
}

/** A drain's configuration as it is recorded and shown. */
export function drainConfigOf({ graceMaxMs, markGone: gone }: Pick<Drain, 'graceMaxMs' | 'markGone'>) {
  return {
    ...(graceMaxMs !== undefined && {
      maxGracePeriod: { nanoseconds: nanosecondsOf(graceMaxMs) },
    }),
    markGone: gone,
  };
}
