import { DenseIds } from '../dense-ids';
import type { Lot } from '../lots/lot';
import { FilterHeap, grown } from './filter-heap';

/** What stands at the end of a chain: whose chain it is, below 0. So a filter needs no place for its agent, which is asked for only when it ends. */
const endOf = (agent: number): number => -1 - agent;

/**
 * What was declined: by whom, on which agent, what, and until when (A40).
 *
 * A filter is a number, and its record is what is at that place of five arrays, with its place in the heap of ends 28 bytes. Filters of an agent are a
 * chain. Lots are kept in a table and counted, since thousands of filters refuse the same lot.
 */
export class OfferFilters {
  private readonly ids = new DenseIds();
  private readonly heap = new FilterHeap();
  private seats = new Int32Array(64);
  private lots = new Int32Array(64);
  private nexts = new Int32Array(64);
  private heads = new Int32Array(0);
  private readonly lotTable: (Lot | undefined)[] = [];
  private readonly lotSlots = new DenseIds();
  /** How many each seat has, for metrics. */
  private readonly counts: number[] = [];

  get size(): number {
    return this.heap.size;
  }

  /** When the next one ends. */
  get nextEndMs(): number | undefined {
    return this.heap.size === 0 ? undefined : this.heap.endOf(this.heap.first);
  }

  /** Whether the agent has any. */
  has(agent: number): boolean {
    return this.first(agent) >= 0;
  }

  /** The first filter of an agent, or a number below 0. With {@link next} all of them. */
  first(agent: number): number {
    return agent < this.heads.length ? (this.heads[agent] as number) : endOf(agent);
  }

  /** The next filter of the same agent, or a number below 0. */
  next(filter: number): number {
    return this.nexts[filter] as number;
  }

  seatOf(filter: number): number {
    return this.seats[filter] as number;
  }

  /** Goes to the end of the chain. */
  agentOf(filter: number): number {
    let at = filter;
    while (at >= 0) at = this.nexts[at] as number;
    return endOf(at);
  }

  lotOf(filter: number): Lot {
    return this.lotTable[this.lots[filter] as number] as Lot;
  }

  endOf(filter: number): number {
    return this.heap.endOf(filter);
  }

  add(agent: number, seat: number, lot: Lot, endMs: number): void {
    const filter = this.ids.take();
    this.reserve(this.ids.bound, agent + 1);
    this.seats[filter] = seat;
    this.lots[filter] = this.slotOf(lot);
    this.nexts[filter] = this.heads[agent] as number;
    this.heads[agent] = filter;
    this.heap.push(filter, endMs);
    this.counts[seat] = this.countOf(seat) + 1;
  }

  /** How many filters a seat has. */
  countOf(seat: number): number {
    return this.counts[seat] ?? 0;
  }

  /** Forgets those of an agent that are picked. */
  removeWhere(agent: number, picked: (filter: number) => boolean): void {
    let before = -1;
    for (let filter = this.first(agent); filter >= 0;) {
      const after = this.nexts[filter] as number;
      if (picked(filter)) {
        if (before < 0) this.heads[agent] = after;
        else this.nexts[before] = after;
        this.heap.remove(filter);
        this.release(filter);
      } else before = filter;
      filter = after;
    }
  }

  /** The filter that ended first, if one has ended. It is still there: the caller removes it. */
  ended(nowMs: number): number | undefined {
    if (this.heap.size === 0) return undefined;
    const { first } = this.heap;
    return this.heap.endOf(first) <= nowMs ? first : undefined;
  }

  private slotOf(lot: Lot): number {
    if (lot.filterRefs === 0) {
      lot.filterSlot = this.lotSlots.take();
      this.lotTable[lot.filterSlot] = lot;
    }
    lot.filterRefs += 1;
    return lot.filterSlot;
  }

  private release(filter: number): void {
    const slot = this.lots[filter] as number;
    const lot = this.lotTable[slot] as Lot;
    lot.filterRefs -= 1;
    if (lot.filterRefs === 0) {
      this.lotTable[slot] = undefined;
      this.lotSlots.giveBack(slot);
    }
    const seat = this.seats[filter] as number;
    this.counts[seat] = this.countOf(seat) - 1;
    this.ids.giveBack(filter);
  }

  private reserve(filters: number, agents: number): void {
    if (filters > this.seats.length) {
      const bound = Math.max(filters, this.seats.length + (this.seats.length >>> 3));
      this.seats = grown(this.seats, new Int32Array(bound));
      this.lots = grown(this.lots, new Int32Array(bound));
      this.nexts = grown(this.nexts, new Int32Array(bound));
      this.heap.reserve(bound);
    }
    if (agents > this.heads.length) {
      const known = this.heads.length;
      this.heads = grown(this.heads, new Int32Array(Math.max(agents, known * 2, 64)));
      for (let agent = known; agent < this.heads.length; agent++) this.heads[agent] = endOf(agent);
    }
  }
}
