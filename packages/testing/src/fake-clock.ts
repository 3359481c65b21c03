import type { Clock, Timers } from '@meseta/kit';
import { instant, type Instant } from '@meseta/model';

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A clock that stands still until it is told to go on, and timers that follow it. */
export class FakeClock implements Clock, Timers {
  #nowMs: number;
  #order = 0;
  #pending: Pending[] = [];

  constructor(startMs = 1_000_000) {
    this.#nowMs = startMs;
  }

  now(): Instant {
    return instant(this.#nowMs);
  }

  after(ms: number, fn: () => void): () => void {
    const pending = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, fn };
    this.#pending.push(pending);
    return () => {
      this.#pending = this.#pending.filter((one) => one !== pending);
    };
  }

  /** Lets time pass, and fires every timer on the way at its own moment, those it starts included. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#nextUntil(untilMs); next !== undefined; next = this.#nextUntil(untilMs)) {
      const due = next;
      this.#pending = this.#pending.filter((one) => one !== due);
      this.#nowMs = due.atMs;
      due.fn();
    }
    this.#nowMs = untilMs;
  }

  #nextUntil(untilMs: number): Pending | undefined {
    let next: Pending | undefined;
    for (const one of this.#pending) {
      if (one.atMs > untilMs) continue;
      if (next === undefined || one.atMs < next.atMs || (one.atMs === next.atMs && one.order < next.order))
        next = one;
    }
    return next;
  }
}
