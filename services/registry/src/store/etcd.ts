import { randomUUID } from 'node:crypto';
import { CompareResult, CompareTarget, type ICompare, type IKeyValue, type IResponseOp } from 'etcd3';
import { failure } from '@meseta/model';
import { FailureError, isFailureError } from '@meseta/kit';
import { EtcdClient, type EtcdClientOptions } from './etcd-client';
import { watchEtcdLeader } from './etcd-leader';
import { watchEtcd } from './etcd-watch';
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
  type StoredWrite,
} from './store';

/** What an etcd store is made of. */
export interface EtcdStoreOptions extends EtcdClientOptions {
  /** Keys are under `/meseta/<cluster>/`. */
  readonly cluster: string;
}

/**
 * Connects to etcd. Rejects with a `FailureError` of one line if it does not answer.
 *
 * Keys: `records/…` the record; `elections/<name>` who leads, on the leader's lease; `commits/<name>` marks the last commit.
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const client = new EtcdClient(options);
  try {
    await client.call('range', (call) => client.kv.range({ key: Buffer.from('/meseta/') }, call));
  } catch (error) {
    client.close();
    throw isFailureError(error)
      ? new FailureError({ ...error.failure, message: `${error.failure.message} (--etcd)` })
      : error;
  }
  return new EtcdStore(client, options.cluster);
}

/** The store of production. Any number of registry instances may use one etcd; each works as if it were alone. */
export class EtcdStore implements Store {
  readonly kind = 'etcd';
  readonly #client: EtcdClient;
  readonly #prefix: string;
  readonly #watches = new Set<Cancel>();
  /** The revision of each election's last commit, as far as this instance knows. */
  readonly #markers = new Map<string, string>();

  constructor(client: EtcdClient, cluster: string) {
    this.#client = client;
    this.#prefix = `/meseta/${cluster}/`;
  }

  ready(): true | string {
    return this.#client.ready();
  }

  /**
   * One transaction: if the election's key is still of this term, and nobody committed since our last look.
   *
   * The marker makes each attempt count once. An attempt whose answer was lost may have been done, or may yet be: the next one
   * compares the same marker, so at most one of them takes effect, and if the comparison fails the marker says whether it
   * was ours. A late copy can therefore never undo a later commit.
   */
  async commit(fence: Fence, writes: readonly StoredWrite[]): Promise<bigint> {
    const election = this.#electionKey(fence.election);
    const marker = Buffer.from(`${this.#prefix}commits/${fence.election}`);
    const id = randomUUID();
    const success = [
      ...writes.map(({ key, value }) => this.#request(key, value)),
      { request_put: { key: marker, value: Buffer.from(id) } },
    ];
    let unknown = false;
    return this.#client.call('commit', async (options) => {
      for (;;) {
        const known = this.#markers.get(fence.election) ?? '0';
        const mayHaveBeenDone = unknown;
        unknown = true;
        const answer = await this.#client.kv.txn(
          {
            compare: [createdAt(election, fence.term.toString()), changedAt(marker, known)],
            success,
            failure: [{ request_range: { key: election } }, { request_range: { key: marker } }],
          },
          options,
        );
        unknown = false;
        if (answer.succeeded) {
          this.#markers.set(fence.election, answer.header.revision);
          return BigInt(answer.header.revision);
        }
        const [leader, last] = answer.responses.map(firstOf);
        const revision = last?.mod_revision ?? '0';
        this.#markers.set(fence.election, revision);
        if (last?.value.toString() === id) return BigInt(revision);
        if (leader?.create_revision !== fence.term.toString()) throw fenced(fence);
        if (revision === known)
          throw new FailureError(failure('bug', 'etcd refused a commit without a reason'));
        // Somebody committed in between. What became of our attempt before, if there was one, can no longer be told.
        if (mayHaveBeenDone) {
          throw new FailureError(failure('notLeader', 'the outcome of the commit is unknown'));
        }
      }
    });
  }

  async *snapshot(linearizable: boolean): AsyncIterable<SnapshotChunk> {
    const folder = Buffer.from(`${this.#prefix}records/`);
    const end = endOf(folder);
    let key = folder;
    let revision = '0';
    for (;;) {
      const request = {
        key,
        range_end: end,
        limit: entriesPerChunkMax,
        revision,
        serializable: !linearizable,
      };
      const answer = await this.#client.call('range', (options) => this.#client.kv.range(request, options));
      if (revision === '0') ({ revision } = answer.header);
      yield {
        revision: BigInt(revision),
        entries: answer.kvs.map((kv) => ({ key: this.#recordKey(kv), value: kv.value })),
      };
      const last = answer.kvs.at(-1);
      if (!answer.more || last === undefined) return;
      key = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  watchChanges(afterRevision: bigint, listener: ChangeListener): Cancel {
    const folder = Buffer.from(`${this.#prefix}records/`);
    return this.#until(
      watchEtcd(this.#client, {
        key: folder,
        rangeEnd: endOf(folder),
        fromRevision: afterRevision + 1n,
        changed: ({ events }) => {
          const byRevision = new Map<string, StoredWrite[]>();
          for (const { type, kv } of events) {
            const writes = byRevision.get(kv.mod_revision) ?? [];
            byRevision.set(kv.mod_revision, writes);
            writes.push({ key: this.#recordKey(kv), value: type === 'Delete' ? undefined : kv.value });
          }
          for (const [revision, writes] of byRevision)
            listener.changed({ revision: BigInt(revision), writes });
        },
        compacted: () => {
          const message = `revision ${afterRevision} is no longer kept: take a snapshot and watch from there`;
          listener.failed(failure('conflict', message));
        },
      }),
    );
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    const request = { TTL: Math.ceil(ttlMs / 1000) };
    // An attempt whose answer was lost leaves a lease with nothing on it, which runs out by itself.
    const granted = await this.#client.call('grantLease', (options) =>
      this.#client.leases.leaseGrant(request, options),
    );
    return { id: BigInt(granted.ID), ttlMs: Number(granted.TTL) * 1000 };
  }

  async renewLease(leaseId: bigint): Promise<number | undefined> {
    const ttl = await this.#client.call(
      'renewLease',
      (options) => this.#renewOnce(leaseId, options),
      renewBudgetMs,
    );
    return ttl > 0 ? ttl * 1000 : undefined;
  }

  async revokeLease(leaseId: bigint): Promise<void> {
    try {
      const request = { ID: leaseId.toString() };
      await this.#client.call('revokeLease', (options) => this.#client.leases.leaseRevoke(request, options));
    } catch (error) {
      if (!isFailureError(error) || error.failure.kind !== 'notFound') throw error;
    }
  }

  async claim(election: string, leaseId: bigint, value: string): Promise<Claim> {
    const key = this.#electionKey(election);
    const lease = leaseId.toString();
    const answer = await this.#client.call('claim', (options) =>
      this.#client.kv.txn(
        {
          compare: [createdAt(key, '0')],
          success: [{ request_put: { key, value: Buffer.from(value), lease } }, { request_range: { key } }],
          failure: [{ request_range: { key } }],
        },
        options,
      ),
    );
    const leader = leaderOf(answer.responses.map(firstOf).find((kv) => kv !== undefined));
    if (leader === undefined)
      throw new FailureError(failure('bug', 'etcd answered a claim without a leader'));
    return leader.leaseId === leaseId ? { won: true, term: leader.term } : { won: false, leader };
  }

  async hold(election: string, leader: Leader): Promise<boolean> {
    const key = this.#electionKey(election);
    const lease = leader.leaseId.toString();
    const request = {
      compare: [createdAt(key, leader.term.toString()), leasedBy(key, lease)],
      success: [{ request_put: { key, value: Buffer.from(leader.value), lease } }],
    };
    try {
      const answer = await this.#client.call('hold', (options) => this.#client.kv.txn(request, options));
      return answer.succeeded;
    } catch (error) {
      if (isFailureError(error) && error.failure.kind === 'notFound') return false;
      throw error;
    }
  }

  async resign(election: string, leader: Leader): Promise<void> {
    const key = this.#electionKey(election);
    const answer = await this.#client.call('resign', (options) =>
      this.#client.kv.txn(
        {
          compare: [
            createdAt(key, leader.term.toString()),
            {
              key,
              target: CompareTarget.Value,
              result: CompareResult.Equal,
              value: Buffer.from(leader.value),
            },
          ],
          success: [{ request_delete_range: { key } }],
          failure: [{ request_range: { key } }],
        },
        options,
      ),
    );
    // If the key is gone an attempt before, or the lease's end, was the reason, and the lease is still ours to end.
    const present = answer.succeeded ? undefined : leaderOf(answer.responses.map(firstOf)[0]);
    if (present?.leaseId !== leader.leaseId) await this.revokeLease(leader.leaseId);
  }

  async leader(election: string): Promise<Leader | undefined> {
    const request = { key: this.#electionKey(election) };
    const answer = await this.#client.call('leader', (options) => this.#client.kv.range(request, options));
    return leaderOf(answer.kvs[0]);
  }

  watchLeader(election: string, listener: (leader: Leader | undefined) => void): Cancel {
    return this.#until(
      watchEtcdLeader(this.#client, this.#electionKey(election), (kv) => listener(leaderOf(kv))),
    );
  }

  close(): Promise<void> {
    for (const cancel of this.#watches) cancel();
    this.#client.close();
    return Promise.resolve();
  }

  /** Remembers a watch until it is ended, to end it with the store. */
  #until(cancel: Cancel): Cancel {
    const both = (): void => {
      this.#watches.delete(both);
      cancel();
    };
    this.#watches.add(both);
    return both;
  }

  async #renewOnce(leaseId: bigint, options: { deadline: number }): Promise<number> {
    // A stream for each renewal, since a stream has one deadline; a leader renews a few times a second.
    const stream = await this.#client.leases.leaseKeepAlive(options);
    return new Promise((resolve, reject) => {
      stream.on('data', ({ TTL }) => {
        resolve(Number(TTL));
        stream.end();
      });
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('the stream of renewals ended')));
      stream.write({ ID: leaseId.toString() });
    });
  }

  #electionKey(election: string): Buffer {
    return Buffer.from(`${this.#prefix}elections/${election}`);
  }

  #recordKey(kv: IKeyValue): string {
    return kv.key.toString().slice(`${this.#prefix}records/`.length);
  }

  #request(key: string, value: Uint8Array | undefined): object {
    const at = Buffer.from(`${this.#prefix}records/${key}`);
    return value === undefined
      ? { request_delete_range: { key: at } }
      : { request_put: { key: at, value: Buffer.from(value) } };
  }
}

/** A renewal that took longer than this would come too late for most leases; the next heartbeat tries again. */
const renewBudgetMs = 1000;

function createdAt(key: Buffer, revision: string): ICompare {
  return { key, target: CompareTarget.Create, result: CompareResult.Equal, create_revision: revision };
}

function changedAt(key: Buffer, revision: string): ICompare {
  return { key, target: CompareTarget.Mod, result: CompareResult.Equal, mod_revision: revision };
}

function leasedBy(key: Buffer, lease: string): ICompare {
  return { key, target: CompareTarget.Lease, result: CompareResult.Equal, lease };
}

/** The key that a range of a transaction found. */
function firstOf(response: IResponseOp): IKeyValue | undefined {
  // Only the member of the response that was asked for is set, whatever the library's type says.
  const { response_range: range } = response as Partial<IResponseOp>;
  return range?.kvs[0];
}

function leaderOf(kv: IKeyValue | undefined): Leader | undefined {
  return kv && { term: BigInt(kv.create_revision), leaseId: BigInt(kv.lease), value: kv.value.toString() };
}

/** The end of the range of all keys in a folder: the folder's name with its last byte counted up. */
function endOf(folder: Buffer): Buffer {
  const end = Buffer.from(folder);
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return end;
}

function fenced({ election, term }: Fence): FailureError {
  return new FailureError(failure('fenced', `term ${term} of "${election}" is over`));
}
