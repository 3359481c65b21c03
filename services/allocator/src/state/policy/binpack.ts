import { drfSorter } from './drf';
import type { AgentView, Policy } from './policy';

/** Fair like drf, and the fullest agents are given out first, so that whole machines stay free for who needs one. */
export const binpack: Policy = {
  name: 'binpack',
  sorter: drfSorter,
  agents: { key: (agent) => freeFraction(agent) },
};

/** The other way round: the emptiest agents first, so that load and failures are spread. */
export const spread: Policy = {
  name: 'spread',
  sorter: drfSorter,
  agents: { key: (agent) => -freeFraction(agent) },
};

/** How much of the agent is free, by the scarcest of its resources; 0 to 1. */
export function freeFraction(agent: AgentView): number {
  let fraction = 1;
  for (const name of agent.names) {
    const total = agent.total(name);
    if (total > 0) fraction = Math.min(fraction, agent.free(name) / total);
  }
  return fraction;
}
