/**
 * Random numbers from a seed: the same seed, the same numbers (mulberry32).
 *
 * Each part of a simulation draws from a fork of its own, so that what happens in one does not change what another draws: a fault that is taken
 * out leaves everything else as it was.
 */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1, without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)] as T;
  }

  /** Mostly near `min`, seldom near `max`: how delays are spread. */
  skewed(min: number, max: number): number {
    return min + (max - min) * this.next() ** 4;
  }

  /** 16 bytes in hexadecimal. */
  uuid(): string {
    let text = '';
    for (let i = 0; i < 4; i++)
      text += Math.floor(this.next() * 4_294_967_296)
        .toString(16)
        .padStart(8, '0');
    return text;
  }

  /** Random numbers of its own, which depend on the seed and the name only. */
  fork(name: string): Random {
    let hash = this.seed ^ 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return new Random(hash >>> 0);
  }
}
