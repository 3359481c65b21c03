import { draw } from '../draw';
import type { Sorter } from '../policy/policy';
import { compareRanks, type Rank } from './rank';

/**
 * Contenders in the order of their keys, kept in order in place: one whose amounts changed is moved, and nobody is sorted anew. A sorter that uses
 * randomness is asked for each pass instead.
 */
export class Order {
  private items: Rank[] = [];

  constructor(private readonly sorter: Sorter) {}

  get size(): number {
    return this.items.length;
  }

  /**
   * The contenders, first one first. Not to be kept: the next change moves them in place.
   *
   * @param seed what randomness depends on, with `round`, which differs from pass to pass
   */
  pass(seed: number, round: number): readonly Rank[] {
    if (this.sorter.usesRandom !== true || this.items.length < 2) return this.items;
    for (const rank of this.items) rank.key = this.sorter.key(rank, draw(seed, round, rank.hash));
    return this.items.slice().sort(compareRanks);
  }

  insert(rank: Rank): void {
    rank.offers = rank.offersNow;
    rank.key = this.sorter.key(rank, 0);
    rank.isListed = true;
    if (this.sorter.usesRandom === true) this.items.push(rank);
    else this.items.splice(this.placeOf(rank, 0, this.items.length), 0, rank);
  }

  remove(rank: Rank): void {
    this.items.splice(this.positionOf(rank), 1);
    rank.isListed = false;
  }

  /** Asks for the key again, and moves the contender to where it belongs. */
  settle(rank: Rank): void {
    const { items, sorter } = this;
    const isOrdered = sorter.usesRandom !== true && items.length > 1;
    let at = isOrdered ? this.positionOf(rank) : 0;
    rank.offers = rank.offersNow;
    rank.key = sorter.usesRandom === true ? 0 : sorter.key(rank, 0);
    if (!isOrdered) return;
    // Everybody between the old place and the new one moves by one.
    const last = items.length - 1;
    if (at < last && compareRanks(rank, items[at + 1] as Rank) > 0) {
      const to = this.placeOf(rank, at + 1, items.length) - 1;
      for (; at < to; at++) items[at] = items[at + 1] as Rank;
    } else if (at > 0 && compareRanks(rank, items[at - 1] as Rank) < 0) {
      const to = this.placeOf(rank, 0, at);
      for (; at > to; at--) items[at] = items[at - 1] as Rank;
    }
    items[at] = rank;
  }

  /** What shares are fractions of has changed: everybody's key may have. */
  settleAll(): void {
    if (this.sorter.usesRandom === true) return;
    for (const rank of this.items) rank.key = this.sorter.key(rank, 0);
    this.items.sort(compareRanks);
  }

  private positionOf(rank: Rank): number {
    if (this.sorter.usesRandom === true) return this.items.indexOf(rank);
    const at = this.placeOf(rank, 0, this.items.length);
    return this.items[at] === rank ? at : this.items.indexOf(rank);
  }

  /** The first place of a part of the order whose contender does not come before this one. */
  private placeOf(rank: Rank, from: number, to: number): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareRanks(this.items[middle] as Rank, rank) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
