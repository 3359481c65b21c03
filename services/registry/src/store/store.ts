import type { Failure } from '@meseta/model';

/** Which store keeps the record. */
export type StoreKind = 'etcd' | 'embedded' | 'memory';

/** The most keys that one commit writes: etcd takes 128 operations in a transaction, and one marks the commit. */
export const writesPerCommitMax = 127;
/** The most bytes that one commit writes, keys and values together: etcd takes a request of 1.5 MiB. */
export const bytesPerCommitMax = 1_000_000;
/** The most entries in a chunk of a snapshot. */
export const entriesPerChunkMax = 1000;

/** One key of the record with its value. */
export interface StoredEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

/** One key that is written, or deleted if the value is unset. */
export interface StoredWrite {
  readonly key: string;
  readonly value?: Uint8Array | undefined;
}

/** The writes of one revision. A key occurs once. */
export interface StoredChange {
  readonly revision: bigint;
  readonly writes: readonly StoredWrite[];
}

/** One part of a snapshot; all parts are of the same revision. */
export interface SnapshotChunk {
  readonly revision: bigint;
  readonly entries: readonly StoredEntry[];
}

/** Under which leadership a commit is made: it is written if this term still leads the election, else not. */
export interface Fence {
  readonly election: string;
  readonly term: bigint;
}

/** A promise of the store to keep an election's key for a time. */
export interface Lease {
  readonly id: bigint;
  /** As granted, which may be more than was asked for. */
  readonly ttlMs: number;
}

/** Who leads an election. */
export interface Leader {
  /** The revision at which the election's key was created: grows with every election, and so fences the one before. */
  readonly term: bigint;
  readonly leaseId: bigint;
  /** What the leader said of itself. */
  readonly value: string;
}

/** The outcome of a claim. */
export type Claim =
  { readonly won: true; readonly term: bigint } | { readonly won: false; readonly leader: Leader };

/** Who wants to know of changes. Called in the order of revisions, each revision once. */
export interface ChangeListener {
  changed(change: StoredChange): void;
  /** The watch ends: `conflict` if the revision asked for is no longer kept. */
  failed(failure: Failure): void;
}

/** Ends a watch. Ending it twice is harmless. */
export type Cancel = () => void;

/**
 * What the registry needs of a durable store. Only implementations know which one it is.
 *
 * Promises reject with a `FailureError`: `fenced` if the term is over, `notLeader` if the store did not answer (the outcome
 * of a write is then unknown, and every write may be made again), `overloaded` if it is full.
 */
export interface Store {
  readonly kind: StoreKind;
  /** Whether the store answered when it was last asked; a text says why not. */
  ready(): true | string;

  /**
   * Writes, all or nothing, if the fence holds. Durable when it resolves, to the revision. At most
   * `writesPerCommitMax` writes of `bytesPerCommitMax` bytes, each key once.
   */
  commit(fence: Fence, writes: readonly StoredWrite[]): Promise<bigint>;
  /** Reads the whole record at one revision: at least one chunk, in the order of keys. */
  snapshot(linearizable: boolean): AsyncIterable<SnapshotChunk>;
  /** Tells every change after a revision. */
  watchChanges(afterRevision: bigint, listener: ChangeListener): Cancel;

  /** Grants a lease. An implementation may round the time up. */
  grantLease(ttlMs: number): Promise<Lease>;
  /** Renews a lease for its whole time. Resolves to that time, or to undefined if the lease is gone. */
  renewLease(leaseId: bigint): Promise<number | undefined>;
  /** Ends a lease with all that hangs on it. One that is gone counts as ended. */
  revokeLease(leaseId: bigint): Promise<void>;

  /** Takes an election if nobody has it. Claiming again with the lease that has it wins again, with the same term. */
  claim(election: string, leaseId: bigint, value: string): Promise<Claim>;
  /** Replaces what the leader says of itself, if this term and lease still lead. Resolves to whether they do. */
  hold(election: string, leader: Leader): Promise<boolean>;
  /**
   * Gives an election back, and its lease, if this very term, lease and value still lead: one whose value another
   * instance replaced by `hold` is left alone.
   */
  resign(election: string, leader: Leader): Promise<void>;
  /** Who leads; undefined if nobody does. */
  leader(election: string): Promise<Leader | undefined>;
  /** Tells who leads, first as it is, then at every change. In between, a quick change and its reversal may be left out. */
  watchLeader(election: string, listener: (leader: Leader | undefined) => void): Cancel;

  close(): Promise<void>;
}
