import {
  Resources,
  carve,
  constraintsRefuse,
  isWhole,
  type AgentConstraints,
  type AgentFacts,
} from '@meseta/model';

/** So many tasks of this size, on agents that meet the constraints. */
export interface Demand {
  /** The framework's name for it; told in explanations. */
  readonly id: string;
  readonly role: string;
  /** What one task needs, in thousandths by name; ranges and sets count their members. Not empty. */
  readonly perTask: ReadonlyMap<string, number>;
  /** How many tasks in all. */
  readonly count: number;
  readonly constraints: AgentConstraints | undefined;
}

interface Open {
  readonly demand: Demand;
  /** Tasks for which nothing has been offered yet, or for which it came back unused. */
  remaining: number;
}

/** What one seat asked for. While it has demands it is offered nothing else, and nothing at all when they are met. */
export class SeatDemands {
  private readonly open: readonly Open[];

  constructor(demands: readonly Demand[]) {
    this.open = demands.map((demand) => ({ demand, remaining: demand.count }));
  }

  get list(): readonly { readonly demand: Demand; readonly remaining: number }[] {
    return this.open;
  }

  get isUnmet(): boolean {
    return this.open.some(({ remaining }) => remaining > 0);
  }

  /** Takes out of what may be offered what the demands ask for on this agent; counts nothing. */
  fit(
    bag: Resources,
    agent: AgentFacts,
  ): { readonly resources: Resources; readonly tasks: readonly number[] } {
    let rest = bag;
    let resources = Resources.empty;
    const tasks: number[] = [];
    for (const { demand, remaining } of this.open) {
      const fitting =
        remaining === 0 ||
        (demand.constraints !== undefined && constraintsRefuse(demand.constraints, agent) !== undefined)
          ? 0
          : Math.min(remaining, tasksIn(rest, demand));
      const taken = fitting === 0 ? undefined : carve(rest, times(demand.perTask, fitting));
      tasks.push(taken === undefined ? 0 : fitting);
      if (taken === undefined) continue;
      rest = rest.subtract(taken);
      resources = resources.add(taken);
    }
    return { resources, tasks };
  }

  /** So many tasks of each demand have been offered. */
  offered(tasks: readonly number[]): void {
    this.open.forEach((one, at) => {
      one.remaining -= tasks[at] ?? 0;
    });
  }

  /** What was offered came back unused: that many tasks are asked for again. */
  cameBack(bag: Resources): void {
    let rest = bag;
    for (const one of this.open) {
      const tasks = Math.min(one.demand.count - one.remaining, tasksIn(rest, one.demand));
      if (tasks === 0) continue;
      one.remaining += tasks;
      rest = rest.subtract(carve(rest, times(one.demand.perTask, tasks)) ?? Resources.empty);
    }
  }
}

/** How many tasks of a demand a bag has room for. */
export function tasksIn(bag: Resources, { perTask }: Pick<Demand, 'perTask'>): number {
  // What can only be given whole is no room for a part of it.
  const quantities = bag.filter((entry) => !isWhole(entry)).quantities();
  let tasks = Number.MAX_SAFE_INTEGER;
  for (const [name, milli] of perTask)
    tasks = Math.min(tasks, Math.floor((quantities.get(name) ?? 0) / milli));
  // Members of ranges and sets are whole: where a task wants a part of one, the last may not fit.
  while (tasks > 0 && carve(bag, times(perTask, tasks)) === undefined) tasks -= 1;
  return tasks;
}

function times(perTask: ReadonlyMap<string, number>, tasks: number): ReadonlyMap<string, number> {
  return new Map([...perTask].map(([name, milli]) => [name, milli * tasks]));
}
