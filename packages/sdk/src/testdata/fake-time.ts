import type { Clock, Timers } from '@meseta/kit';
import { instant } from '@meseta/model';

/** Time that passes when told to. */
export class FakeTime {
  #nowMs = 0;
  #timers: { atMs: number; fn: () => void }[] = [];

  readonly clock: Clock = { now: () => instant(this.#nowMs) };
  readonly timers: Timers = {
    after: (ms, fn) => {
      const timer = { atMs: this.#nowMs + ms, fn };
      this.#timers.push(timer);
      return () => (this.#timers = this.#timers.filter((one) => one !== timer));
    },
  };

  /** Lets `ms` pass, firing what falls due in its order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.fn();
    }
    this.#nowMs = endMs;
  }
}
