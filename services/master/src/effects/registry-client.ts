import { credentials } from '@grpc/grpc-js';
import {
  FailureError,
  LeaderFinder,
  callUnary,
  channelOptions,
  failureOf,
  type Retry,
  type Timers,
} from '@meseta/kit';
import { failure } from '@meseta/model';
import { internal } from '@meseta/protocol';
import type { CommitTraces } from './commit-traces';

/** The election that masters stand in. */
export const masterElection = 'master';
/** How long a commit may take before the term is given up: its outcome is then unknown. */
const commitDeadlineMs = 10_000;
const snapshotDeadlineMs = 60_000;

/** Clients of the registry's instances, of which any will do. */
export class RegistryClient {
  readonly #clients = new Map<string, internal.RegistryServiceClient>();
  readonly #finder: LeaderFinder;

  constructor(
    addresses: readonly string[],
    random: () => number,
    private readonly timers: Timers,
    private readonly traces: CommitTraces,
  ) {
    this.#finder = new LeaderFinder({ addresses, random, backoffMaxMs: 500 });
  }

  get address(): string {
    return this.#finder.current();
  }

  client(): internal.RegistryServiceClient {
    const address = this.#finder.current();
    let client = this.#clients.get(address);
    if (client === undefined) {
      client = new internal.RegistryServiceClient(address, credentials.createInsecure(), channelOptions());
      this.#clients.set(address, client);
    }
    return client;
  }

  /** Turns to another instance; returns how long to wait before it is asked. */
  failed(error: unknown): number {
    return this.#finder.failed(error);
  }

  succeeded(): void {
    this.#finder.succeeded();
  }

  /**
   * Makes operations durable in a term. Operations may be repeated without harm, so an instance that is away costs a try at
   * another, for as long as the term may still hold; a term that is over rejects at once.
   */
  async commit(
    term: number,
    operations: readonly internal.RegistryOperation[],
    mayStillLead: () => boolean,
  ): Promise<void> {
    const trace = this.traces.begin(term, operations.length);
    try {
      await this.#commit(term, operations, mayStillLead, (retry) => trace.retried(retry));
      trace.done();
    } catch (error) {
      trace.failed(error);
      throw error;
    }
  }

  async #commit(
    term: number,
    operations: readonly internal.RegistryOperation[],
    mayStillLead: () => boolean,
    retried: (retry: Retry) => void,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const client = this.client();
      try {
        await callUnary(
          client.commit.bind(client),
          { election: masterElection, term: BigInt(term), operations },
          { deadlineMs: commitDeadlineMs },
        );
        return;
      } catch (error) {
        const failed = failureOf(error);
        if ((failed.kind !== 'notLeader' && failed.kind !== 'overloaded') || !mayStillLead()) throw error;
        const waitMs = failed.kind === 'overloaded' ? 20 : Math.max(10, this.failed(error));
        retried({ attempt: attempt + 1, delayMs: waitMs, error });
        await new Promise<void>((resolve) => void this.timers.after(waitMs, resolve));
        if (!mayStillLead())
          throw new FailureError(failure('fenced', 'the lease ran out while a commit was tried again'));
      }
    }
  }

  /** Reads the whole durable record. */
  async snapshot(): Promise<readonly internal.Record[]> {
    const stream = this.client().snapshot(
      { linearizable: true },
      { deadline: Date.now() + snapshotDeadlineMs },
    );
    const records: internal.Record[] = [];
    for await (const chunk of stream as AsyncIterable<internal.SnapshotResponse>)
      records.push(...chunk.records);
    return records;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }
}
