import { randomUUID } from 'node:crypto';
import { systemClock, type Clock, type Timers } from '@meseta/kit';

/** What the SDK needs of the world. A test puts its own in and becomes deterministic. */
export interface Environment {
  readonly clock: Clock;
  readonly timers: Timers;
  /** A number in [0, 1), for the jitter of reconnections. */
  readonly random: () => number;
  /** A name that is unique, for tasks that were not given an id. */
  readonly newId: () => string;
}

/** Unlike those of a service these keep the process alive: a framework that looks for the leader has not finished. */
const frameworkTimers: Timers = {
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

/** The world as it is. */
export const systemEnvironment: Environment = {
  clock: systemClock,
  timers: frameworkTimers,
  random: Math.random,
  newId: randomUUID,
};
