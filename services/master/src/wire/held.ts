import { Resources, type FrameworkId } from '@meseta/model';
import { holds, type Agent, type Executor, type Framework, type MasterView, type Task } from '../state/state';

/** What a task or an executor holds, as given to its role. */
export interface Held {
  readonly frameworkId: FrameworkId;
  readonly role: string;
  readonly resources: Resources;
}

// Sums by agent, by framework and by role are all made of these, so that they agree (R68).

/** Who uses what of an agent: the tasks that hold something, and the executors. */
export function* usedOn({ tasks, executors }: Agent): Iterable<Held> {
  yield* holding(tasks.values());
  yield* executors.values();
}

/** What a framework uses, the same parts in another order. */
export function* usedBy({ id, tasks }: Framework, executors: ExecutorsByFramework): Iterable<Held> {
  yield* holding(tasks.values());
  yield* executors.get(id) ?? [];
}

function* holding(tasks: Iterable<Task>): Iterable<Held> {
  for (const task of tasks) if (holds(task)) yield task;
}

/** What is offered of an agent, and to whom. */
export function* offeredOn(agent: Agent, { offers }: Pick<MasterView, 'offers'>): Iterable<Held> {
  for (const offerId of agent.offers) {
    const offer = offers.get(offerId);
    if (offer !== undefined) yield { ...offer, resources: offer.resources.describedBy(agent.total) };
  }
}

/** All of it together, each part with the role that it is given to (R14). */
export function sumOf(held: Iterable<Held>): Resources {
  const byRole = new Map<string, Resources>();
  for (const { role, resources } of held)
    byRole.set(role, (byRole.get(role) ?? Resources.empty).add(resources));
  let sum = Resources.empty;
  for (const [role, resources] of byRole) sum = sum.add(resources.allocate(role));
  return sum;
}

/** The executors of each framework, over all agents. */
export type ExecutorsByFramework = ReadonlyMap<FrameworkId, readonly Executor[]>;

export function executorsByFramework(agents: Iterable<Agent>): ExecutorsByFramework {
  const found = new Map<FrameworkId, Executor[]>();
  for (const agent of agents) {
    if (agent.executors.size === 0) continue;
    for (const executor of agent.executors.values()) {
      const list = found.get(executor.frameworkId);
      if (list === undefined) found.set(executor.frameworkId, [executor]);
      else list.push(executor);
    }
  }
  return found;
}
