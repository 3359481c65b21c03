import { randomUUID } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import { channelOptions, systemClock, type Clock, type Timers } from '@meseta/kit';
import { SchedulerServiceClient } from '@meseta/protocol';

/** What the SDK needs of the world. A test puts its own in and becomes deterministic. */
export interface Environment {
  readonly clock: Clock;
  readonly timers: Timers;
  /** A number in [0, 1), for the jitter of reconnections. */
  readonly random: () => number;
  /** A name that is unique, for tasks that were not given an id. */
  readonly newId: () => string;
  /** Opens a connection of its own to a master, `host:port`. */
  readonly dial: (address: string) => SchedulerServiceClient;
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
  // A fresh connection each time: a shared one may be waiting out its own back-off after a failure that we know of.
  dial: (address) =>
    new SchedulerServiceClient(address, credentials.createInsecure(), {
      ...channelOptions(),
      'grpc.use_local_subchannel_pool': 1,
    }),
};
