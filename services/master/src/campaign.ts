// Standing for leadership, and keeping it: the registry holds the lease, this stream holds the registry's attention.

import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Clock, Logger, Timers } from '@meseta/kit';
import type { internal } from '@meseta/protocol';
import { masterElection, type RegistryClient } from './effects/registry-client';

type Stream = ClientDuplexStream<internal.CampaignRequest, internal.CampaignResponse>;

/** What a campaign tells its candidate. */
export interface CampaignListener {
  elected(term: number): void;
  /** Leadership is over, or may be: nothing may be done in that term from now on. */
  lost(reason: string): void;
  /** Another leads; undefined when nobody is known to. */
  leaderIs(leader: internal.Candidate | undefined): void;
}

interface Lease {
  readonly id: bigint;
  readonly term: bigint;
  readonly ttlMs: number;
  /** Until when it surely holds: a TTL after the sending of the last heartbeat that was answered. */
  validUntilMs: number;
}

export interface CampaignDeps {
  readonly registry: RegistryClient;
  readonly candidate: internal.Candidate;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

/** How long a heartbeat may stay unanswered before another registry instance is tried. */
const answerShare = 1 / 3;
const heartbeatShare = 1 / 4;

export class Campaign {
  readonly #deps: CampaignDeps;
  readonly #listener: CampaignListener;
  #stream: Stream | undefined;
  #lease: Lease | undefined;
  #sentAtMs: number[] = [];
  #lastAnsweredMs = 0;
  /** Whether this stream has told where the campaign stands. */
  #placed = false;
  #cancelHeartbeat: (() => void) | undefined;
  #cancelExpiry: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(deps: CampaignDeps, listener: CampaignListener) {
    this.#deps = deps;
    this.#listener = listener;
  }

  /** Whether this candidate may still act as the leader of a term. */
  leads(term: number): boolean {
    return (
      this.#lease !== undefined &&
      Number(this.#lease.term) === term &&
      this.#deps.clock.now() < this.#lease.validUntilMs
    );
  }

  start(): void {
    if (this.#closed) return;
    const { registry, candidate } = this.#deps;
    const stream = registry.client().campaign();
    this.#stream = stream;
    this.#sentAtMs = [];
    this.#placed = false;
    const carried =
      this.#lease === undefined ? undefined : { leaseId: this.#lease.id, term: this.#lease.term };
    stream.on('data', (response: internal.CampaignResponse) => {
      if (this.#stream === stream) this.#receive(response);
    });
    const broken = (error?: Error): void => {
      if (this.#stream === stream) this.#broken(error);
    };
    stream.on('error', broken);
    stream.on('end', () => broken());
    this.#send({ election: masterElection, candidate, carried });
  }

  /** Gives leadership up, if it is held, and stops standing. */
  close(): void {
    this.#closed = true;
    for (const cancel of [this.#cancelHeartbeat, this.#cancelExpiry, this.#cancelRetry]) cancel?.();
    this.#drop();
  }

  /** Gives this term up and stands again. */
  resign(reason: string): void {
    if (this.#lease === undefined) return;
    this.#lose(reason);
    this.#drop();
    this.#retry(50);
  }

  #receive({ event }: internal.CampaignResponse): void {
    this.#deps.registry.succeeded();
    switch (event?.$case) {
      case 'elected': {
        const known = this.#lease?.term === event.value.term;
        const ttlMs = Number(event.value.ttlMs);
        // One that waited holds its lease since its last heartbeat that was answered.
        const sentAtMs = this.#placed ? this.#lastAnsweredMs : this.#answered();
        this.#placed = true;
        this.#lease = {
          id: event.value.leaseId,
          term: event.value.term,
          ttlMs,
          validUntilMs: sentAtMs + ttlMs,
        };
        this.#planExpiry();
        this.#planHeartbeat();
        if (!known) this.#listener.elected(Number(event.value.term));
        return;
      }
      case 'renewed':
        if (this.#lease === undefined) {
          this.#answered();
        } else {
          this.#lease.validUntilMs = this.#answered() + Number(event.value.ttlMs);
          this.#planExpiry();
        }
        this.#planHeartbeat();
        return;
      case 'waiting':
        // Only the first answer of a stream answers a message of ours; later ones are news of another leader.
        if (!this.#placed) this.#answered();
        this.#placed = true;
        if (this.#lease !== undefined) this.#lose('another was elected');
        this.#listener.leaderIs(event.value.leader);
        this.#planHeartbeat();
        return;
      case 'lost':
        this.#lose(event.value.reason);
        this.#drop();
        this.#retry(50);
        return;
      case undefined:
        return;
    }
  }

  /** When the message that is answered now was sent. */
  #answered(): number {
    this.#lastAnsweredMs = this.#sentAtMs.shift() ?? this.#lastAnsweredMs;
    return this.#lastAnsweredMs;
  }

  #send(request: internal.CampaignRequest): void {
    this.#sentAtMs.push(this.#deps.clock.now());
    this.#stream?.write(request);
  }

  #planHeartbeat(): void {
    this.#cancelHeartbeat?.();
    const ttlMs = this.#lease?.ttlMs ?? 2000;
    this.#cancelHeartbeat = this.#deps.timers.after(ttlMs * heartbeatShare, () => {
      this.#send({ election: '', candidate: undefined, carried: undefined });
      // No answer in time: this instance hangs, and another may be asked while the lease still holds.
      this.#cancelHeartbeat = this.#deps.timers.after(ttlMs * answerShare, () =>
        this.#broken(new Error('a heartbeat was not answered')),
      );
    });
  }

  #planExpiry(): void {
    this.#cancelExpiry?.();
    const lease = this.#lease;
    if (lease === undefined) return;
    this.#cancelExpiry = this.#deps.timers.after(
      Math.max(0, lease.validUntilMs - this.#deps.clock.now()),
      () => {
        if (this.#lease !== lease) return;
        if (this.#deps.clock.now() < lease.validUntilMs) return this.#planExpiry();
        this.#lose('the lease ran out without an answer of the registry');
        this.#drop();
        this.#retry(50);
      },
    );
  }

  #broken(error: Error | undefined): void {
    this.#drop();
    if (this.#closed) return;
    const waitMs = Math.max(20, this.#deps.registry.failed(error));
    this.#deps.log.warn(
      { retryMs: waitMs, leading: this.#lease !== undefined },
      `no registry: ${error?.message ?? 'its stream ended'}`,
    );
    this.#retry(this.#lease === undefined ? waitMs : Math.min(waitMs, 100));
  }

  #retry(waitMs: number): void {
    this.#cancelRetry?.();
    if (!this.#closed) this.#cancelRetry = this.#deps.timers.after(waitMs, () => this.start());
  }

  #lose(reason: string): void {
    if (this.#lease === undefined) return;
    this.#lease = undefined;
    this.#cancelExpiry?.();
    this.#listener.lost(reason);
  }

  #drop(): void {
    this.#cancelHeartbeat?.();
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.on('error', () => undefined);
    stream?.cancel();
  }
}
