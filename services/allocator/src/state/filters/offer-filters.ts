import { DenseIds } from '../dense-ids';
import type { Lot } from '../lots/lot';
import { FilterHeap, grown } from './filter-heap';

/** The end of a chain. */
const none = -1;

/**
 * What was declined: by whom, on which agent, what, and until when (A40).
 *
 * A filter is a number, and its record is five numbers at that place of five arrays: 28 bytes, and 4 more in the heap of ends. Filters of an agent are a
 * chain. Lots are kept in a table and counted, since thousands of filters refuse the same lot.
 */
export class OfferFilters {
  private readonly ids = new DenseIds();
  private readonly heap = new FilterHeap();
  private agents = new Int32Array(64);
  private seats = new Int32Array(64);
  private lots = new Int32Array(64);
  private nexts = new Int32Array(64);
  private heads = new Int32Array(64).fill(none);
  private readonly lotTable: (Lot | undefined)[] = [];
  private readonly lotSlots = new DenseIds();

  get size(): number {
    return this.heap.size;
  }

  /** When the next one ends. */
  get nextEndMs(): number | undefined {
    return this.heap.size === 0 ? undefined : this.heap.endOf(this.heap.first);
  }

  /** Whether the agent has any. */
  has(agent: number): boolean {
    return agent < this.heads.length && this.heads[agent] !== none;
  }

  /** The first filter of an agent, or -1. With {@link next} all of them. */
  first(agent: number): number {
    return agent < this.heads.length ? (this.heads[agent] as number) : none;
  }

  next(filter: number): number {
    return this.nexts[filter] as number;
  }

  seatOf(filter: number): number {
    return this.seats[filter] as number;
  }

  agentOf(filter: number): number {
    return this.agents[filter] as number;
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
    this.agents[filter] = agent;
    this.seats[filter] = seat;
    this.lots[filter] = this.slotOf(lot);
    this.nexts[filter] = this.heads[agent] as number;
    this.heads[agent] = filter;
    this.heap.push(filter, endMs);
  }

  /** Forgets those of an agent that are picked. */
  removeWhere(agent: number, picked: (filter: number) => boolean): void {
    let before = none;
    for (let filter = this.first(agent); filter !== none;) {
      const after = this.nexts[filter] as number;
      if (picked(filter)) {
        if (before === none) this.heads[agent] = after;
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
    this.ids.giveBack(filter);
  }

  private reserve(filters: number, agents: number): void {
    if (filters > this.seats.length) {
      const bound = Math.max(filters, this.seats.length + (this.seats.length >>> 3));
      this.agents = grown(this.agents, new Int32Array(bound));
      this.seats = grown(this.seats, new Int32Array(bound));
      this.lots = grown(this.lots, new Int32Array(bound));
      this.nexts = grown(this.nexts, new Int32Array(bound));
      this.heap.reserve(bound);
    }
    if (agents > this.heads.length) {
      const heads = new Int32Array(Math.max(agents, this.heads.length * 2)).fill(none);
      heads.set(this.heads);
      this.heads = heads;
    }
  }
}
