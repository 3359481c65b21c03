import type { Agent } from './state';

/** Whether something of an agent may be offered now. */
export function mayOffer(agent: Agent): boolean {
  return agent.membership === 'active' && !agent.deactivated && !agent.dismissed;
}

/** Why nothing of an agent is offered although it may be connected, in words for explanations; undefined if an operator said nothing. */
export function withheldOf(agent: Agent): string | undefined {
  if (agent.dismissed) return 'back, and what ran there is being ended';
  if (!agent.deactivated) return undefined;
  return agent.drain?.state.toLowerCase() ?? 'deactivated';
}
