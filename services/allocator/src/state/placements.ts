import type { Agent } from './agents/agent';
import { sortedBy } from './agents/visit-order';
import { binpack, spread } from './policy/binpack';
import type { AllocatorState, Placement } from './state';

/**
 * The agents of a turn as they are given out: in the turn's order, but for roles that pack or spread, which get the fullest or the emptiest of those that are left
 * instead of the one that is next.
 */
export class Placements {
  private at = 0;
  private readonly taken = new Set<Agent>();
  /** Of each placement, how many agents at the head of its order are given out. */
  private readonly passed = new Map<Placement, number>();

  private constructor(
    /** Whether any role packs or spreads. */
    readonly isNeeded: boolean,
    private readonly agents: readonly Agent[],
    private readonly byPlacement: ReadonlyMap<Placement, readonly Agent[]>,
  ) {}

  static of(state: AllocatorState, agents: readonly Agent[]): Placements {
    const { placements } = state.options;
    const byPlacement = new Map<Placement, readonly Agent[]>();
    for (const placement of new Set(placements.values())) {
      const order = (placement === 'pack' ? binpack : spread).agents;
      if (order !== undefined) byPlacement.set(placement, sortedBy(agents, order, state.names, 0));
    }
    return new Placements(placements.size > 0, agents, byPlacement);
  }

  first(): Agent | undefined {
    return this.next();
  }

  /** The next agent of the turn that was not given out already. */
  next(): Agent | undefined {
    while (this.at < this.agents.length) {
      const agent = this.agents[this.at++] as Agent;
      if (!this.isNeeded || !this.taken.has(agent)) return agent;
    }
    return undefined;
  }

  /** The agent is given out as the turn's order says. */
  give(agent: Agent): Agent {
    this.taken.add(agent);
    return agent;
  }

  /** The best agent that is left and fits, in place of the one that is next, which then stays for later. */
  take(next: Agent, placement: Placement, fits: (agent: Agent) => boolean): Agent {
    const best = this.bestOf(placement, fits) ?? next;
    this.taken.add(best);
    if (best !== next) this.at -= 1;
    return best;
  }

  private bestOf(placement: Placement, fits: (agent: Agent) => boolean): Agent | undefined {
    const agents = this.byPlacement.get(placement) ?? [];
    let at = this.passed.get(placement) ?? 0;
    while (at < agents.length && this.taken.has(agents[at] as Agent)) at += 1;
    this.passed.set(placement, at);
    for (; at < agents.length; at++) {
      const agent = agents[at] as Agent;
      if (!this.taken.has(agent) && fits(agent)) return agent;
    }
    return undefined;
  }
}
