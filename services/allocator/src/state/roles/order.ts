import { draw } from '../draw';
import type { Sorter } from '../policy/policy';
import { compareRanks, type Rank } from './rank';

/**
 * Contenders in the order of their keys, kept in order in place: one whose amounts changed is moved, and nobody is sorted anew. A sorter that uses
 * randomness is asked for each pass instead.
 *
 * Kept as numbers of contenders with their keys beside them: finding a place reads neighbouring keys, and moving somebody past a thousand others is moving two blocks of memory.
 */
export class Order {
  private ids = new Int32Array(8);
  private keys = new Float64Array(8);
  private count = 0;
  /** The last pass of a sorter that uses randomness. */
  private drawn: readonly Rank[] = [];

  constructor(
    private readonly sorter: Sorter,
    /** Every contender by its number. */
    private readonly ranks: readonly (Rank | undefined)[],
  ) {}

  get size(): number {
    return this.count;
  }

  /**
   * Goes through the contenders from the first on: after it, {@link at} tells each. Orders must not change until the pass is over.
   *
   * @param seed what randomness depends on, with `round`, which differs from pass to pass
   */
  begin(seed: number, round: number): void {
    if (this.sorter.usesRandom !== true) return;
    const drawn = Array.from(this.ids.subarray(0, this.count), (id) => this.ranks[id] as Rank);
    for (const rank of drawn) rank.key = this.sorter.key(rank, draw(seed, round, rank.hash));
    this.drawn = drawn.sort(compareRanks);
  }

  /** The contender at a place, from 0 to below {@link size}. */
  at(place: number): Rank {
    return this.sorter.usesRandom === true
      ? (this.drawn[place] as Rank)
      : (this.ranks[this.ids[place] as number] as Rank);
  }

  insert(rank: Rank): void {
    // Whoever was alone until now has not been asked for a key.
    if (this.count === 1) this.settleAll();
    rank.offers = rank.offersNow;
    rank.key = this.keyOf(rank);
    rank.isListed = true;
    if (this.count === this.ids.length) this.grow();
    const place = this.sorter.usesRandom === true ? this.count : this.placeOf(rank, 0, this.count);
    this.shift(place, this.count, 1);
    this.put(rank, place);
    this.count += 1;
  }

  remove(rank: Rank): void {
    this.shift(this.positionOf(rank) + 1, this.count, -1);
    this.count -= 1;
    rank.isListed = false;
  }

  /** Asks for the key again, and moves the contender to where it belongs. One that is alone is first whatever its key is. */
  settle(rank: Rank): void {
    if (this.count === 1 || this.sorter.usesRandom === true) {
      rank.offers = rank.offersNow;
      return;
    }
    const from = this.positionOf(rank);
    rank.offers = rank.offersNow;
    rank.key = this.keyOf(rank);
    // Everybody between the old place and the new one moves by one.
    let to = from;
    if (from + 1 < this.count && this.comparedTo(from + 1, rank) < 0) {
      to = this.placeOf(rank, from + 1, this.count) - 1;
      this.shift(from + 1, to + 1, -1);
    } else if (from > 0 && this.comparedTo(from - 1, rank) > 0) {
      to = this.placeOf(rank, 0, from);
      this.shift(to, from, 1);
    }
    this.put(rank, to);
  }

  /** What shares are fractions of has changed: everybody's key may have. */
  settleAll(): void {
    if (this.sorter.usesRandom === true) return;
    const all = Array.from(this.ids.subarray(0, this.count), (id) => this.ranks[id] as Rank);
    for (const rank of all) rank.key = this.keyOf(rank);
    all.sort(compareRanks).forEach((rank, place) => this.put(rank, place));
  }

  private keyOf(rank: Rank): number {
    return this.sorter.usesRandom === true ? 0 : this.sorter.key(rank, 0);
  }

  private put(rank: Rank, place: number): void {
    this.ids[place] = rank.id;
    this.keys[place] = rank.key;
  }

  /** Where it is listed now, by the key that it was listed with. */
  private positionOf(rank: Rank): number {
    if (this.sorter.usesRandom === true) return this.ids.subarray(0, this.count).indexOf(rank.id);
    // Most often it is the one that was just given something.
    if (this.ids[0] === rank.id) return 0;
    return this.placeOf(rank, 0, this.count);
  }

  /** The first place of a part of the order whose contender does not come before this one. */
  private placeOf(rank: Rank, from: number, to: number): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.comparedTo(middle, rank) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Below 0 if the contender at a place comes before this one. */
  private comparedTo(place: number, rank: Rank): number {
    const difference = (this.keys[place] as number) - rank.key;
    return difference !== 0 ? difference : compareRanks(this.ranks[this.ids[place] as number] as Rank, rank);
  }

  /** Moves those from a place to before another by one, up or down. */
  private shift(from: number, to: number, by: 1 | -1): void {
    const { ids, keys } = this;
    if (to - from > copiedOneByOneMax) {
      ids.copyWithin(from + by, from, to);
      keys.copyWithin(from + by, from, to);
    } else if (by > 0) {
      for (let place = to; place > from; place--) {
        ids[place] = ids[place - 1] as number;
        keys[place] = keys[place - 1] as number;
      }
    } else {
      for (let place = from; place < to; place++) {
        ids[place - 1] = ids[place] as number;
        keys[place - 1] = keys[place] as number;
      }
    }
  }

  private grow(): void {
    const ids = new Int32Array(this.ids.length * 2);
    const keys = new Float64Array(this.keys.length * 2);
    ids.set(this.ids);
    keys.set(this.keys);
    this.ids = ids;
    this.keys = keys;
  }
}

/** Up to so many the loop is quicker than the call. */
const copiedOneByOneMax = 24;
