// The ledger of one agent's resources: invariants M4 and M5 are kept here and nowhere else.

import type { Resources } from '@meseta/model';
import { assert, isTerminal } from '@meseta/model';
import type { Holding } from './effect';
import type { Agent, MasterState, Offer, Task } from './state';
import { taskKey } from './state';

/** What may still be offered. */
export function freeOf(agent: Agent): Resources {
  return agent.total.subtract(agent.offered).subtract(agent.used);
}

export function addOffer(agent: Agent, offer: Offer): void {
  assert(freeOf(agent).contains(offer.resources), `M4: offer ${offer.id} fits agent ${agent.id}`);
  agent.offers.add(offer.id);
  agent.offered = agent.offered.add(offer.resources);
}

export function removeOffer(agent: Agent, offer: Offer): void {
  assert(agent.offers.delete(offer.id), `M4: offer ${offer.id} is on agent ${agent.id}`);
  agent.offered = agent.offered.subtract(offer.resources);
}

/** A task holds its resources from here until it is terminal. */
export function addTask(agent: Agent, task: Task): void {
  agent.tasks.set(taskKey(task.frameworkId, task.id), task);
  if (!isTerminal(task.state)) agent.used = agent.used.add(task.resources);
}

/** The task has become terminal: what it held is free. */
export function releaseTask(agent: Agent, task: Task): void {
  agent.used = agent.used.subtract(task.resources);
}

/** Forgets a task; one that still holds resources gives them back. */
export function removeTask(agent: Agent, task: Task): void {
  if (!agent.tasks.delete(taskKey(task.frameworkId, task.id))) return;
  if (!isTerminal(task.state)) releaseTask(agent, task);
}

/** Who holds what on an agent, for the allocator. */
export function holdingsOf(state: MasterState, agent: Agent): Holding[] {
  const holdings: Holding[] = [];
  for (const task of agent.tasks.values()) {
    if (!isTerminal(task.state))
      holdings.push({ frameworkId: task.frameworkId, role: task.role, resources: task.resources });
  }
  for (const offerId of agent.offers) {
    const offer = state.offers.get(offerId);
    if (offer !== undefined)
      holdings.push({ frameworkId: offer.frameworkId, role: offer.role, resources: offer.resources });
  }
  return holdings;
}
