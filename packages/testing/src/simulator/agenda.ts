import { Heap, instant, type Instant } from '@meseta/model';

/** Takes something off the agenda; twice is harmless. */
export type Cancel = () => void;

/** Time as a node sees it: what it is, and how to be called later. */
export interface Time {
  readonly now: Instant;
  /** The same to the last fraction, for who plans moments that must not change places. */
  readonly exactMs: number;
  /** Calls back after a delay in milliseconds. */
  after(ms: number, run: () => void): Cancel;
  /** Calls back at a moment; of two that are equal the one that was planned first comes first. */
  at(exactMs: number, run: () => void): Cancel;
}

interface Entry {
  readonly at: number;
  /** Breaks ties: what was planned first happens first. */
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * What will happen, in virtual time: a heap of moments, soonest first. Nothing happens at the same time as anything else, so the same plan gives
 * the same history.
 */
export class Agenda implements Time {
  readonly #heap = new Heap<Entry>(isBefore);
  #now: number;
  #order = 0;
  #happened = 0;

  constructor(startMs = 1_000_000) {
    this.#now = startMs;
  }

  get now(): Instant {
    return instant(Math.floor(this.#now));
  }

  get exactMs(): number {
    return this.#now;
  }

  /** How many things have happened. */
  get happened(): number {
    return this.#happened;
  }

  /** Plans something after a delay in milliseconds. */
  after(ms: number, run: () => void): Cancel {
    return this.at(this.#now + ms, run);
  }

  at(exactMs: number, run: () => void): Cancel {
    const entry: Entry = { at: Math.max(this.#now, exactMs), order: this.#order++, run };
    this.#heap.push(entry);
    return () => {
      entry.run = undefined;
    };
  }

  /** Lets the next thing happen, if it is not later than a moment; false when there is none. */
  step(untilMs: number): boolean {
    for (;;) {
      const { first } = this.#heap;
      if (first === undefined || first.at > untilMs) return false;
      this.#heap.take();
      if (first.run === undefined) continue;
      this.#now = Math.max(this.#now, first.at);
      this.#happened += 1;
      first.run();
      return true;
    }
  }

  /** Lets time pass up to a moment, with all that happens until then. */
  runUntil(untilMs: number): void {
    while (this.step(untilMs));
    this.#now = Math.max(this.#now, untilMs);
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** A node's time. While the node is paused, as by a signal or a full disk, nothing happens in it; then all that was due happens at once, in order. */
export class PausableTime implements Time {
  #pausedUntilMs = 0;
  #waiting: (() => void)[] = [];

  constructor(private readonly agenda: Agenda) {}

  get now(): Instant {
    return this.agenda.now;
  }

  get exactMs(): number {
    return this.agenda.exactMs;
  }

  pause(ms: number): void {
    const until = this.agenda.exactMs + ms;
    if (until <= this.#pausedUntilMs) return;
    this.#pausedUntilMs = until;
    this.agenda.at(until, () => {
      if (this.#pausedUntilMs === until) this.resume();
    });
  }

  resume(): void {
    this.#pausedUntilMs = 0;
    for (const run of this.#waiting.splice(0)) this.agenda.at(this.agenda.exactMs, run);
  }

  after(ms: number, run: () => void): Cancel {
    return this.at(this.agenda.exactMs + ms, run);
  }

  at(exactMs: number, run: () => void): Cancel {
    let cancelled = false;
    const due = (): void => {
      if (cancelled) return;
      if (this.agenda.exactMs < this.#pausedUntilMs) this.#waiting.push(due);
      else run();
    };
    this.agenda.at(exactMs, due);
    return () => {
      cancelled = true;
    };
  }
}
