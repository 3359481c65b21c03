import { draw } from '../draw';
import type { Names } from '../names';
import type { AgentOrder, AgentView } from '../policy/policy';
import { amountOf } from '../lots/amounts';
import type { Agent } from './agent';

/** Agents in the order in which a turn gives them out: by the key of an order, ties by id. */
export function sortedBy(agents: readonly Agent[], order: AgentOrder, names: Names, seed: number): Agent[] {
  const keyed = agents.map((agent) => ({
    agent,
    key: order.key(viewOf(agent, names), draw(seed, 0, agent.hash)),
  }));
  keyed.sort((a, b) => a.key - b.key || (a.agent.id < b.agent.id ? -1 : 1));
  return keyed.map(({ agent }) => agent);
}

/** Puts agents into an order that the seed decides: the same seed, the same order. Fisher-Yates. */
export function shuffle(agents: Agent[], seed: number): void {
  for (let last = agents.length - 1; last > 0; last--) {
    const at = Math.floor(draw(seed, last, 0) * (last + 1));
    const moved = agents[last] as Agent;
    agents[last] = agents[at] as Agent;
    agents[at] = moved;
  }
}

function viewOf({ id, hostname, total, free }: Agent, names: Names): AgentView {
  return {
    id,
    hostname,
    names: total.scalars.names.map((name) => names.nameOf(name)),
    total: (name) => amountOf(total.scalars, names.idOf(name)) / 1000,
    free: (name) => amountOf(free.scalars, names.idOf(name)) / 1000,
  };
}
