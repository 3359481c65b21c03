// The ledger of one agent's resources: invariants M4 and M5 are kept here and nowhere else.

import type { Resources } from '@meseta/model';
import { assert } from '@meseta/model';
import type { Holding } from './effect';
import type { Agent, Executor, MasterState, Offer, Task } from './state';
import { executorKey, holds, taskKey } from './state';

/** What may still be offered. A shared volume may be offered however many hold it (R47). */
export function freeOf(agent: Agent): Resources {
  const shared = agent.total.shared();
  const free = agent.total.subtract(agent.offered).subtract(agent.used);
  return shared.isEmpty ? free : free.nonShared().add(shared);
}

/** What is left of a pool after something of it was given to a task or an executor: shared volumes stay. */
export function takeFrom(pool: Resources, resources: Resources): Resources {
  return pool.subtract(resources.nonShared());
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
  if (holds(task)) agent.used = agent.used.add(task.resources);
}

/** The task holds nothing more, because it has become terminal or its agent has denied it: the caller says so in the task itself. */
export function releaseTask(agent: Agent, task: Task): void {
  agent.used = agent.used.subtract(task.resources);
}

/** Forgets a task; one that still holds resources gives them back. */
export function removeTask(agent: Agent, task: Task): void {
  if (!agent.tasks.delete(taskKey(task.frameworkId, task.id))) return;
  if (holds(task)) releaseTask(agent, task);
}

/** An executor holds its own resources from here until it is removed. */
export function addExecutor(agent: Agent, executor: Executor): void {
  agent.executors.set(executorKey(executor.frameworkId, executor.id), executor);
  agent.used = agent.used.add(executor.resources);
}

/** Forgets an executor, whose resources are free. */
export function removeExecutor(agent: Agent, executor: Executor): void {
  if (!agent.executors.delete(executorKey(executor.frameworkId, executor.id))) return;
  agent.used = agent.used.subtract(executor.resources);
}

/** Who holds what on an agent, for the allocator. */
export function holdingsOf(state: Pick<MasterState, 'offers'>, agent: Agent): Holding[] {
  const holdings: Holding[] = [];
  const hold = ({ frameworkId, role, resources }: Holding, offers = 0): void => {
    if (!resources.isEmpty) holdings.push({ frameworkId, role, resources, offers });
  };
  for (const task of agent.tasks.values()) if (holds(task)) hold(task);
  for (const executor of agent.executors.values()) hold(executor);
  for (const offerId of agent.offers) {
    const offer = state.offers.get(offerId);
    if (offer !== undefined) hold(offer, 1);
  }
  return holdings;
}
