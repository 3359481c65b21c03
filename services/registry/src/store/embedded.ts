import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';
import { failure } from '@meseta/model';
import { FailureError, formatMismatch, systemTimers, type Timers } from '@meseta/kit';
import { lockDirectory } from './directory-lock';
import { newLeaseId } from './lease-id';
import { LocalStore, type Journal, type KeptElection, type LocalImage, type LocalUpdate } from './local';

/** What an embedded store is made of. */
export interface EmbeddedStoreOptions {
  readonly directory: string;
  /** A directory that belongs to a cluster of another name is refused. */
  readonly cluster: string;
  readonly timers?: Timers;
  readonly newLeaseId?: () => bigint;
}

/** The layout of the directory. One of another version is refused, and left as it is. */
const formatVersion = 1;

/**
 * Opens a store in one LMDB directory, for a cluster on one machine. Every step is on disk (`fsync`) before it is
 * acknowledged. Throws a `FailureError` of one line if the directory is in use, is another cluster's or cannot be written.
 */
export function openEmbeddedStore(options: EmbeddedStoreOptions): LocalStore {
  const unlock = prepare(options.directory);
  try {
    const journal = new LmdbJournal(options.directory, unlock);
    const wrong = journal.claimFor(options.cluster);
    if (wrong !== undefined) {
      journal.closeNow();
      throw new FailureError(failure('conflict', wrong));
    }
    return new LocalStore({
      kind: 'embedded',
      image: journal.load(),
      journal,
      timers: options.timers ?? systemTimers,
      newLeaseId: options.newLeaseId ?? newLeaseId,
    });
  } catch (error) {
    unlock();
    throw error;
  }
}

function prepare(directory: string): () => void {
  try {
    makeDirectory(directory);
    return lockDirectory(directory);
  } catch (error) {
    if (error instanceof FailureError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new FailureError(
      failure('invalid', `the data directory ${directory} cannot be used: ${reason} (--data-dir)`),
    );
  }
}

/** Not by `recursive`, which in Node 20 never returns where a folder cannot be made in one that exists, as in /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path);
}

interface KeptElectionJson {
  readonly term: string;
  readonly leaseId: string;
  readonly value: string;
  readonly ttlMs: number;
}

class LmdbJournal implements Journal {
  readonly #directory: string;
  readonly #unlock: () => void;
  readonly #root: RootDatabase;
  readonly #facts: Database<string | number, string>;
  readonly #records: Database<Buffer, string>;
  readonly #elections: Database<KeptElectionJson, string>;

  constructor(directory: string, unlock: () => void) {
    this.#directory = directory;
    this.#unlock = unlock;
    this.#root = open({ path: directory, noSubdir: false, maxDbs: 4 });
    this.#facts = this.#root.openDB({ name: 'facts', encoding: 'json' });
    this.#records = this.#root.openDB({ name: 'records', encoding: 'binary' });
    this.#elections = this.#root.openDB({ name: 'elections', encoding: 'json' });
  }

  /** Marks a new directory as this cluster's; says in one line why an old one is refused. */
  claimFor(cluster: string): string | undefined {
    const format = this.#facts.get('format');
    const owner = this.#facts.get('cluster');
    if (format === undefined && owner === undefined) {
      this.#facts.putSync('format', formatVersion);
      this.#facts.putSync('cluster', cluster);
      return undefined;
    }
    const wrong = formatMismatch(format, formatVersion);
    if (wrong !== undefined) return `the data directory ${this.#directory} ${wrong} (--data-dir)`;
    if (owner !== cluster) {
      return `the data directory ${this.#directory} is of the cluster "${String(owner)}", not of "${cluster}" (--cluster)`;
    }
    return undefined;
  }

  load(): LocalImage {
    const records = new Map<string, Uint8Array>();
    for (const { key, value } of this.#records.getRange()) records.set(key, Uint8Array.from(value));
    const elections = new Map<string, KeptElection>();
    for (const { key, value } of this.#elections.getRange()) {
      elections.set(key, { ...value, term: BigInt(value.term), leaseId: BigInt(value.leaseId) });
    }
    return { revision: BigInt(this.#facts.get('revision') ?? 0), records, elections };
  }

  async save(update: LocalUpdate): Promise<void> {
    await this.#root.transaction(() => {
      for (const { key, value } of update.writes) {
        if (value === undefined) void this.#records.remove(key);
        else void this.#records.put(key, Buffer.from(value));
      }
      if (update.election !== undefined) this.#putElection(update.election.name, update.election.kept);
      void this.#facts.put('revision', String(update.revision));
    });
    // The transaction is visible to other processes by now, and on disk only once this resolves.
    await this.#root.flushed;
  }

  async close(): Promise<void> {
    await this.#root.close();
    this.#unlock();
  }

  closeNow(): void {
    void this.#root.close();
  }

  #putElection(name: string, kept: KeptElection | undefined): void {
    if (kept === undefined) {
      void this.#elections.remove(name);
      return;
    }
    void this.#elections.put(name, { ...kept, term: String(kept.term), leaseId: String(kept.leaseId) });
  }
}
