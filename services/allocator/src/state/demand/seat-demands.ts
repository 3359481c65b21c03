import { Resources, constraintsRefuse, roomFor, type AgentConstraints, type AgentFacts } from '@meseta/model';

/** So many tasks of this size, on agents that meet the constraints. */
export interface Demand {
  /** The framework's name for it; told in explanations, and unique among its demands. */
  readonly id: string;
  readonly role: string;
  /** What one task needs, in thousandths by name; ranges and sets count their members. Not empty. */
  readonly perTask: ReadonlyMap<string, number>;
  /** How many tasks in all. */
  readonly count: number;
  readonly constraints: AgentConstraints | undefined;
}

/** Numbers of tasks by the ids of demands. */
export type TasksByDemand = ReadonlyMap<string, number>;

interface Open {
  readonly demand: Demand;
  /** Tasks for which nothing has been offered yet, or for which it came back unused. */
  remaining: number;
}

/** What one seat asked for. While it has demands it is offered nothing else, and nothing at all when they are met. */
export class SeatDemands {
  private readonly open: readonly Open[];

  /** @param remaining of demands that were told before; else it is all that they count */
  constructor(demands: readonly Demand[], remaining: TasksByDemand = new Map()) {
    this.open = demands.map((demand) => ({
      demand,
      remaining: Math.min(demand.count, remaining.get(demand.id) ?? demand.count),
    }));
  }

  get list(): readonly { readonly demand: Demand; readonly remaining: number }[] {
    return this.open;
  }

  get isUnmet(): boolean {
    return this.open.some(({ remaining }) => remaining > 0);
  }

  /** Takes out of what may be offered what the demands ask for on this agent; counts nothing. */
  fit(bag: Resources, agent: AgentFacts): { readonly resources: Resources; readonly tasks: TasksByDemand } {
    let rest = bag;
    let resources = Resources.empty;
    const tasks = new Map<string, number>();
    for (const { demand, remaining } of this.open) {
      if (remaining === 0 || !isMetBy(demand, agent)) continue;
      const room = roomFor(rest, demand.perTask, remaining);
      if (room.tasks === 0) continue;
      tasks.set(demand.id, room.tasks);
      rest = rest.subtract(room.resources);
      resources = resources.add(room.resources);
    }
    return { resources, tasks };
  }

  /** So many tasks of each demand have been offered. */
  offered(tasks: TasksByDemand): void {
    for (const one of this.open) one.remaining -= tasks.get(one.demand.id) ?? 0;
  }

  /** Room for so many tasks came back unused: they are asked for again. */
  cameBack(tasks: TasksByDemand): void {
    for (const one of this.open)
      one.remaining = Math.min(one.demand.count, one.remaining + (tasks.get(one.demand.id) ?? 0));
  }

  /** How many tasks of each demand something that was offered had room for, as far as it can be told from what it is. */
  tasksOf(bag: Resources): TasksByDemand {
    let rest = bag;
    const tasks = new Map<string, number>();
    for (const { demand, remaining } of this.open) {
      const room = roomFor(rest, demand.perTask, demand.count - remaining);
      tasks.set(demand.id, room.tasks);
      rest = rest.subtract(room.resources);
    }
    return tasks;
  }
}

/** Whether tasks of a demand may run on an agent, if there is room. */
export function isMetBy({ constraints }: Demand, agent: AgentFacts): boolean {
  return constraints === undefined || constraintsRefuse(constraints, agent) === undefined;
}
