import { failure, type Failure } from '@meseta/model';
import { FailureError, failureOf } from '@meseta/kit';
import {
  bytesPerCommitMax,
  writesPerCommitMax,
  type Fence,
  type Store,
  type StoredWrite,
} from '../store/store';

/** How many writes may wait. A master that commits so much more than the store takes is told to slow down. */
export const writesQueuedMax = 20_000;
/** How many bytes may wait. */
export const bytesQueuedMax = 64 * 1024 * 1024;

/** What a commit queue is made of. */
export interface CommitQueueOptions {
  readonly store: Store;
  /** Told of each transaction: how many writes of how many callers it was, and how it ended. */
  readonly observeBatch?: (writes: number, callers: number) => void;
  readonly writesQueuedMax?: number;
  readonly bytesQueuedMax?: number;
}

interface Pending {
  readonly fence: Fence;
  readonly writes: readonly StoredWrite[];
  readonly bytes: number;
  /** How many of the writes are on disk: more than none only for a list that is longer than a transaction. */
  done: number;
  readonly resolve: (revision: bigint) => void;
  readonly reject: (error: FailureError) => void;
}

interface Batch {
  readonly fence: Fence;
  readonly writes: readonly StoredWrite[];
  /** Those that are done with this batch. */
  readonly finished: readonly Pending[];
}

/**
 * Group commit: what arrives while one transaction is on its way goes into the next one together.
 *
 * Q1. Writes take effect in the order in which they arrived, one transaction at a time.
 * Q2. The writes of one caller are in one transaction if they fit one; a longer list is split, in order.
 * Q3. If a transaction fails, what waits behind it under the same term fails with it: nothing is written past a gap.
 * Q4. At the bound a commit is refused (`overloaded`) before any of it is written.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #queue: Pending[] = [];
  #writes = 0;
  #bytes = 0;
  #running: Promise<void> | undefined;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  /** How many writes wait or are on their way. */
  get queued(): number {
    return this.#writes;
  }

  /** Resolves to the revision of the last write when all are durable. Rejects with a `FailureError`. */
  commit(fence: Fence, writes: readonly StoredWrite[]): Promise<bigint> {
    const bytes = writes.reduce((sum, write) => sum + bytesOf(write), 0);
    const refused = this.#refusal(writes, bytes);
    if (refused !== undefined) return Promise.reject(new FailureError(refused));
    return new Promise((resolve, reject) => {
      this.#queue.push({ fence, writes, bytes, done: 0, resolve, reject });
      this.#writes += writes.length;
      this.#bytes += bytes;
      this.#running ??= this.#run();
    });
  }

  /** Refuses what waits, and resolves when what is on its way has ended. */
  async close(): Promise<void> {
    const stopping = failure('notLeader', 'this registry instance is stopping');
    for (const pending of this.#queue) this.#leave(pending, stopping);
    this.#queue = [];
    await this.#running;
  }

  #refusal(writes: readonly StoredWrite[], bytes: number): Failure | undefined {
    const large = writes.find((write) => bytesOf(write) > bytesPerCommitMax);
    if (large !== undefined) {
      const size = bytesOf(large);
      return failure(
        'invalid',
        `the record ${large.key} is ${size} bytes; at most ${bytesPerCommitMax} are kept`,
      );
    }
    const writesMax = this.#options.writesQueuedMax ?? writesQueuedMax;
    const bytesMax = this.#options.bytesQueuedMax ?? bytesQueuedMax;
    // A single list may be longer than the bound if nothing else waits: it could never be written otherwise.
    if (this.#writes > 0 && (this.#writes + writes.length > writesMax || this.#bytes + bytes > bytesMax)) {
      return failure('overloaded', `${this.#writes} writes wait to be committed; at most ${writesMax} may`);
    }
    return undefined;
  }

  async #run(): Promise<void> {
    // What one turn of the event loop brings goes together.
    await new Promise((resolve) => setImmediate(resolve));
    for (let batch = this.#take(); batch !== undefined; batch = this.#take()) await this.#write(batch);
    this.#running = undefined;
  }

  async #write({ fence, writes, finished }: Batch): Promise<void> {
    try {
      this.#options.observeBatch?.(writes.length, finished.length);
      const revision = await this.#options.store.commit(fence, writes);
      for (const pending of finished) this.#leave(pending, revision);
    } catch (error) {
      const failed = failureOf(error);
      const behind = this.#queue.filter((pending) => sameFence(pending.fence, fence));
      this.#queue = this.#queue.filter((pending) => !sameFence(pending.fence, fence));
      for (const pending of [...finished, ...behind]) this.#leave(pending, failed);
    }
  }

  /** Takes the next transaction: of one term, from the head of the queue, as much as fits. */
  #take(): Batch | undefined {
    const head = this.#queue[0];
    if (head === undefined) return undefined;
    const batch = new BatchBuilder();
    const finished: Pending[] = [];
    while (this.#queue[0] !== undefined && sameFence(this.#queue[0].fence, head.fence)) {
      const pending = this.#queue[0];
      if (
        pending.done === 0 &&
        pending.writes.length + batch.size <= writesPerCommitMax &&
        batch.fits(pending.bytes)
      ) {
        pending.writes.forEach((write) => batch.add(write));
      } else if (pending === head && finished.length === 0) {
        while (pending.done < pending.writes.length && batch.addIfFits(pending.writes[pending.done]))
          pending.done += 1;
        if (pending.done < pending.writes.length) break;
      } else {
        break;
      }
      finished.push(pending);
      this.#queue.shift();
    }
    return { fence: head.fence, writes: batch.writes(), finished };
  }

  #leave(pending: Pending, outcome: bigint | Failure): void {
    this.#writes -= pending.writes.length;
    this.#bytes -= pending.bytes;
    if (typeof outcome === 'bigint') pending.resolve(outcome);
    else pending.reject(new FailureError(outcome));
  }
}

/** Gathers the writes of one transaction. A key that is written twice is written once, as the last one says. */
class BatchBuilder {
  readonly #writes = new Map<string, StoredWrite>();
  #bytes = 0;

  get size(): number {
    return this.#writes.size;
  }

  fits(bytes: number): boolean {
    return this.#bytes + bytes <= bytesPerCommitMax;
  }

  add(write: StoredWrite): void {
    this.#writes.delete(write.key);
    this.#writes.set(write.key, write);
    this.#bytes += bytesOf(write);
  }

  addIfFits(write: StoredWrite | undefined): boolean {
    if (write === undefined || this.size >= writesPerCommitMax || !this.fits(bytesOf(write))) return false;
    this.add(write);
    return true;
  }

  writes(): readonly StoredWrite[] {
    return [...this.#writes.values()];
  }
}

function bytesOf(write: StoredWrite): number {
  return Buffer.byteLength(write.key) + (write.value?.length ?? 0);
}

function sameFence(a: Fence, b: Fence): boolean {
  return a.election === b.election && a.term === b.term;
}
