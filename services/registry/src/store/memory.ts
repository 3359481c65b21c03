import { systemTimers, type Timers } from '@meseta/kit';
import { newLeaseId } from './lease-id';
import { LocalStore } from './local';

/** What a memory store is made of. */
export interface MemoryStoreOptions {
  readonly timers?: Timers;
  readonly newLeaseId?: () => bigint;
}

/** A store that forgets everything with its process: for tests, and for clusters of an afternoon. */
export function createMemoryStore(options: MemoryStoreOptions = {}): LocalStore {
  return new LocalStore({
    kind: 'memory',
    image: { revision: 0n, records: new Map(), elections: new Map() },
    journal: { save: () => Promise.resolve(), close: () => Promise.resolve() },
    timers: options.timers ?? systemTimers,
    newLeaseId: options.newLeaseId ?? newLeaseId,
  });
}
