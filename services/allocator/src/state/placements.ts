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

  /** The best agent that is left and fits, in place of the one that is next, which then stays for later. */
  take(next: Agent, placement: Placement, fits: (agent: Agent) => boolean): Agent {
    const best =
      (this.byPlacement.get(placement) ?? []).find((agent) => !this.taken.has(agent) && fits(agent)) ?? next;
    this.taken.add(best);
    if (best !== next) this.at -= 1;
    return best;
  }
}
