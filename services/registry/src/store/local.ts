import { failure } from '@meseta/model';
import { FailureError, type Timers } from '@meseta/kit';
import {
  entriesPerChunkMax,
  type Cancel,
  type ChangeListener,
  type Claim,
  type Fence,
  type Leader,
  type Lease,
  type SnapshotChunk,
  type Store,
  type StoreKind,
  type StoredChange,
  type StoredWrite,
} from './store';

/** An election that somebody has, as it is kept. */
export interface KeptElection extends Leader {
  readonly ttlMs: number;
}

/** What a step of a local store makes durable, together. */
export interface LocalUpdate {
  readonly revision: bigint;
  readonly writes: readonly StoredWrite[];
  readonly election?: { readonly name: string; readonly kept: KeptElection | undefined };
}

/** What a local store begins with. */
export interface LocalImage {
  readonly revision: bigint;
  readonly records: ReadonlyMap<string, Uint8Array>;
  readonly elections: ReadonlyMap<string, KeptElection>;
}

/** Where a local store keeps what must outlive the process. */
export interface Journal {
  /** Resolves when the update is on disk. */
  save(update: LocalUpdate): Promise<void>;
  close(): Promise<void>;
}

/** What a `LocalStore` is made of. */
export interface LocalStoreOptions {
  readonly kind: StoreKind;
  readonly image: LocalImage;
  readonly journal: Journal;
  readonly timers: Timers;
  /** A new lease's id: unique, also across restarts, and greater than 0. */
  readonly newLeaseId: () => bigint;
}

/** How many revisions a watch may go back. */
export const revisionsKeptMax = 10_000;

/**
 * A store in this process: an image in memory, and a journal that makes each step durable before anybody sees it.
 *
 * Owns: the revision, the record, the elections and the leases. Steps are made one after the other, so what a step
 * compares cannot change under it. A journal that fails breaks the store for good: whether its last write is on disk is
 * unknown, and a restart will tell.
 *
 * After a restart every election that was had is still had, and its lease begins anew: its leader may carry it on.
 */
export class LocalStore implements Store {
  readonly kind: StoreKind;
  readonly #journal: Journal;
  readonly #timers: Timers;
  readonly #newLeaseId: () => bigint;
  readonly #records: Map<string, Uint8Array>;
  readonly #elections: Map<string, KeptElection>;
  readonly #leases = new Map<bigint, { readonly ttlMs: number; cancel: Cancel }>();
  readonly #listeners = new Set<ChangeListener>();
  readonly #leaderListeners = new Map<string, Set<(leader: Leader | undefined) => void>>();
  readonly #kept: StoredChange[] = [];
  #revision: bigint;
  #compacted: bigint;
  #last: Promise<unknown> = Promise.resolve();
  #broken: string | undefined;

  constructor(options: LocalStoreOptions) {
    this.kind = options.kind;
    this.#journal = options.journal;
    this.#timers = options.timers;
    this.#newLeaseId = options.newLeaseId;
    this.#records = new Map(options.image.records);
    this.#elections = new Map(options.image.elections);
    this.#revision = options.image.revision;
    this.#compacted = options.image.revision;
    for (const { leaseId, ttlMs } of this.#elections.values()) this.#arm(leaseId, ttlMs);
  }

  ready(): true | string {
    return this.#broken ?? true;
  }

  commit(fence: Fence, writes: readonly StoredWrite[]): Promise<bigint> {
    return this.#inTurn(async () => {
      if (this.#elections.get(fence.election)?.term !== fence.term) {
        throw new FailureError(failure('fenced', `term ${fence.term} of "${fence.election}" is over`));
      }
      await this.#apply({ revision: this.#revision + 1n, writes });
      return this.#revision;
    });
  }

  async *snapshot(): AsyncIterable<SnapshotChunk> {
    const revision = await this.#inTurn(() => Promise.resolve(this.#revision));
    const entries = [...this.#records]
      .map(([key, value]) => ({ key, value }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    for (let from = 0; from === 0 || from < entries.length; from += entriesPerChunkMax) {
      yield { revision, entries: entries.slice(from, from + entriesPerChunkMax) };
    }
  }

  watchChanges(afterRevision: bigint, listener: ChangeListener): Cancel {
    if (afterRevision < this.#compacted) {
      listener.failed(
        failure(
          'conflict',
          `revision ${afterRevision} is no longer kept: take a snapshot and watch from there`,
        ),
      );
      return () => undefined;
    }
    for (const change of this.#kept) if (change.revision > afterRevision) listener.changed(change);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  grantLease(ttlMs: number): Promise<Lease> {
    return this.#inTurn(() => {
      const id = this.#newLeaseId();
      this.#arm(id, ttlMs);
      return Promise.resolve({ id, ttlMs });
    });
  }

  renewLease(leaseId: bigint): Promise<number | undefined> {
    return this.#inTurn(() => {
      const lease = this.#leases.get(leaseId);
      if (lease !== undefined) this.#arm(leaseId, lease.ttlMs);
      return Promise.resolve(lease?.ttlMs);
    });
  }

  revokeLease(leaseId: bigint): Promise<void> {
    return this.#inTurn(() => this.#revoke(leaseId));
  }

  claim(election: string, leaseId: bigint, value: string): Promise<Claim> {
    return this.#inTurn(async () => {
      const present = this.#elections.get(election);
      if (present !== undefined) {
        return present.leaseId === leaseId
          ? { won: true, term: present.term }
          : { won: false, leader: leaderOf(present) };
      }
      const lease = this.#leases.get(leaseId);
      if (lease === undefined) throw new FailureError(failure('notFound', `lease ${leaseId} is gone`));
      const term = this.#revision + 1n;
      await this.#setElection(election, { term, leaseId, value, ttlMs: lease.ttlMs });
      return { won: true, term };
    });
  }

  hold(election: string, leader: Leader): Promise<boolean> {
    return this.#inTurn(async () => {
      const present = this.#elections.get(election);
      if (present?.term !== leader.term || present.leaseId !== leader.leaseId) return false;
      await this.#setElection(election, { ...present, value: leader.value });
      return true;
    });
  }

  resign(election: string, leader: Leader): Promise<void> {
    return this.#inTurn(async () => {
      const present = this.#elections.get(election);
      if (present?.term === leader.term && present.value === leader.value) await this.#revoke(leader.leaseId);
    });
  }

  leader(election: string): Promise<Leader | undefined> {
    return this.#inTurn(() => Promise.resolve(leaderOf(this.#elections.get(election))));
  }

  watchLeader(election: string, listener: (leader: Leader | undefined) => void): Cancel {
    const listeners = this.#leaderListeners.get(election) ?? new Set();
    this.#leaderListeners.set(election, listeners);
    listeners.add(listener);
    // In a turn of its own, as every other news: a listener is never called while it is being set up.
    this.#inTurn(() => {
      if (listeners.has(listener)) listener(leaderOf(this.#elections.get(election)));
      return Promise.resolve();
    }).catch(() => undefined);
    return () => void listeners.delete(listener);
  }

  /** Forgets the changes up to and with a revision: a watch from before it fails. */
  compact(revision: bigint): void {
    while ((this.#kept[0]?.revision ?? revision + 1n) <= revision) this.#kept.shift();
    if (revision > this.#compacted) this.#compacted = revision;
  }

  async close(): Promise<void> {
    for (const lease of this.#leases.values()) lease.cancel();
    this.#listeners.clear();
    this.#leaderListeners.clear();
    await this.#last;
    this.#broken ??= 'the store is closed';
    await this.#journal.close();
  }

  /** Runs one step after all that were asked for before. */
  #inTurn<Result>(step: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(() => {
      if (this.#broken !== undefined) throw new FailureError(failure('notLeader', this.#broken));
      return step();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #revoke(leaseId: bigint): Promise<void> {
    this.#leases.get(leaseId)?.cancel();
    this.#leases.delete(leaseId);
    for (const [name, { leaseId: held }] of this.#elections) {
      if (held === leaseId) await this.#setElection(name, undefined);
    }
  }

  async #setElection(name: string, kept: KeptElection | undefined): Promise<void> {
    await this.#apply({ revision: this.#revision + 1n, writes: [], election: { name, kept } });
  }

  async #apply(update: LocalUpdate): Promise<void> {
    try {
      await this.#journal.save(update);
    } catch (error) {
      this.#broken = `the store could not write: ${error instanceof Error ? error.message : String(error)}`;
      throw new FailureError(failure('notLeader', this.#broken));
    }
    this.#revision = update.revision;
    for (const { key, value } of update.writes) {
      if (value === undefined) this.#records.delete(key);
      else this.#records.set(key, value);
    }
    if (update.writes.length > 0) this.#tell({ revision: update.revision, writes: update.writes });
    if (update.election !== undefined) this.#tellElection(update.election);
  }

  #tell(change: StoredChange): void {
    this.#kept.push(change);
    if (this.#kept.length > revisionsKeptMax) this.compact(this.#kept[0]?.revision ?? 0n);
    for (const listener of this.#listeners) listener.changed(change);
  }

  #tellElection({ name, kept }: { readonly name: string; readonly kept: KeptElection | undefined }): void {
    if (kept === undefined) this.#elections.delete(name);
    else this.#elections.set(name, kept);
    for (const listener of [...(this.#leaderListeners.get(name) ?? [])]) listener(leaderOf(kept));
  }

  #arm(leaseId: bigint, ttlMs: number): void {
    this.#leases.get(leaseId)?.cancel();
    const expire = (): void => {
      // What fails here has broken the store, which `ready` tells.
      this.revokeLease(leaseId).catch(() => undefined);
    };
    this.#leases.set(leaseId, { ttlMs, cancel: this.#timers.after(ttlMs, expire) });
  }
}

function leaderOf(kept: KeptElection): Leader;
function leaderOf(kept: KeptElection | undefined): Leader | undefined;
function leaderOf(kept: KeptElection | undefined): Leader | undefined {
  return kept && { term: kept.term, leaseId: kept.leaseId, value: kept.value };
}
