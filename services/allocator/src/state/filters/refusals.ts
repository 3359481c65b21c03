import type { Agent } from '../agents/agent';
import { BitRows } from '../bit-rows';
import type { Lot } from '../lots/lot';
import type { Seat } from '../roles/seat';
import { OfferFilters } from './offer-filters';

/**
 * Offer filters, and as bits what follows from them: of each agent, which seats refuse all that is free there now. The bits of an agent are worked out for one
 * free lot and hold as long as that is what is free; a turn that finds another works them out anew, from the agent's own filters only.
 */
export class Refusals {
  readonly filters = new OfferFilters();
  /** Seats with a filter on the agent. */
  private readonly filtering = new BitRows();
  /** Seats of those that refuse all that is free on it. */
  private readonly refusing = new BitRows();

  constructor(private readonly offerable: (lot: Lot, seat: Seat) => Lot) {}

  reserve(agents: number, seats: number): void {
    this.filtering.reserve(agents, seats);
    this.refusing.reserve(agents, seats);
  }

  /** A word of the bits of seats that refuse all that is free. */
  word(agent: Agent, word: number): number {
    return this.refusing.word(agent.index, word);
  }

  refusesAll(agent: Agent, seat: Seat): boolean {
    return this.refusing.has(agent.index, seat.id);
  }

  /** Remembers a refusal; those that it makes pointless are forgotten. */
  add(agent: Agent, seat: Seat, lot: Lot, untilMs: number, nowMs: number): void {
    const { filters } = this;
    if (this.filtering.has(agent.index, seat.id))
      filters.removeWhere(
        agent.index,
        (filter) =>
          filters.seatOf(filter) === seat.id &&
          (filters.endOf(filter) <= nowMs ||
            (untilMs >= filters.endOf(filter) && covers(lot, filters.lotOf(filter)))),
      );
    filters.add(agent.index, seat.id, lot, untilMs);
    this.filtering.set(agent.index, seat.id);
    if (agent.refusedFor !== undefined && covers(lot, this.offerable(agent.refusedFor, seat)))
      this.refusing.set(agent.index, seat.id);
    else this.judge(agent, seat);
  }

  /** The filter of a seat that refuses a lot, or -1. */
  filterAgainst(agent: Agent, seat: Seat, lot: Lot): number {
    if (!this.filtering.has(agent.index, seat.id)) return -1;
    const { filters } = this;
    for (let filter = filters.first(agent.index); filter >= 0; filter = filters.next(filter))
      if (filters.seatOf(filter) === seat.id && covers(filters.lotOf(filter), lot)) return filter;
    return -1;
  }

  /** Brings an agent's bits up to date with what is free on it. */
  refresh(agent: Agent, seats: ByNumber<Seat>): void {
    if (agent.refusedFor === agent.free) return;
    agent.refusedFor = agent.free;
    const { filters } = this;
    if (!filters.has(agent.index)) return;
    this.refusing.clearRow(agent.index);
    for (let filter = filters.first(agent.index); filter >= 0; filter = filters.next(filter)) {
      const seat = filters.seatOf(filter);
      if (this.refusing.has(agent.index, seat)) continue;
      if (covers(filters.lotOf(filter), this.offerable(agent.free, seats.byNumber(seat))))
        this.refusing.set(agent.index, seat);
    }
  }

  /** Forgets filters that have ended, and tells of which agents. */
  expire(
    nowMs: number,
    agents: ByNumber<Agent>,
    seats: ByNumber<Seat>,
    onEnded: (agent: Agent) => void,
  ): void {
    const { filters } = this;
    for (let ended = filters.ended(nowMs); ended !== undefined; ended = filters.ended(nowMs)) {
      const agent = agents.byNumber(filters.agentOf(ended));
      const seat = seats.byNumber(filters.seatOf(ended));
      const gone = ended;
      filters.removeWhere(agent.index, (filter) => filter === gone);
      this.judge(agent, seat);
      onEnded(agent);
    }
  }

  forgetAgent(agent: Agent): void {
    this.filters.removeWhere(agent.index, () => true);
    this.filtering.clearRow(agent.index);
    this.refusing.clearRow(agent.index);
  }

  /** Forgets all that a seat declined. */
  forgetSeat(seat: Seat, agents: Iterable<Agent>): void {
    for (const agent of agents) {
      if (!this.filtering.has(agent.index, seat.id)) continue;
      this.filters.removeWhere(agent.index, (filter) => this.filters.seatOf(filter) === seat.id);
      this.filtering.clear(agent.index, seat.id);
      this.refusing.clear(agent.index, seat.id);
    }
  }

  /** Works out one seat's bits on an agent. */
  private judge(agent: Agent, seat: Seat): void {
    let has = false;
    let refuses = false;
    const { filters } = this;
    for (let filter = filters.first(agent.index); filter >= 0; filter = filters.next(filter)) {
      if (filters.seatOf(filter) !== seat.id) continue;
      has = true;
      refuses ||=
        agent.refusedFor !== undefined &&
        covers(filters.lotOf(filter), this.offerable(agent.refusedFor, seat));
    }
    if (has) this.filtering.set(agent.index, seat.id);
    else this.filtering.clear(agent.index, seat.id);
    if (refuses) this.refusing.set(agent.index, seat.id);
    else this.refusing.clear(agent.index, seat.id);
  }
}

/** A table that is asked by number. */
interface ByNumber<T> {
  byNumber(id: number): T;
}

/** Whether everything of the second is in the first. */
function covers(lot: Lot, other: Lot): boolean {
  return lot === other || lot.bag.contains(other.bag);
}
