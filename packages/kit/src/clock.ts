import { instant, type Instant } from '@meseta/model';

/** Where the time comes from. Only the edge of a process reads it; pure cores are given `now`. */
export interface Clock {
  now(): Instant;
}

/** The wall clock of this machine. */
export const systemClock: Clock = { now: () => instant(Date.now()) };

/** Where delays come from, so that a test can let time pass without waiting. */
export interface Timers {
  /** Calls `fn` once after `ms` milliseconds. What it returns cancels the call; cancelling twice is harmless. */
  after(ms: number, fn: () => void): () => void;
}

/** The longest delay that Node's timers take; a longer one would fire at once. */
const delayMaxMs = 2 ** 31 - 1;

/** Timers of the event loop. They do not keep a process alive on their own. */
export const systemTimers: Timers = {
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(0, ms), delayMaxMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
