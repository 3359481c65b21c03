import { failure, type Failure } from '@meseta/model';
import { failureOf, type Logger, type Timers } from '@meseta/kit';
import type { internal } from '@meseta/protocol';
import type { Cancel, Leader, Store } from '../store/store';
import { candidateOf, writeLeaderValue } from './leader-value';
import { LeaseTimer } from './lease-timer';

/** The candidate's end of a campaign. */
export interface CampaignPeer {
  send(event: NonNullable<internal.CampaignResponse['event']>): void;
  /** Ends the stream; with a failure, as a failed call. */
  finish(failed?: Failure): void;
}

/** Who stands, and for what. */
export interface CampaignRequest {
  readonly election: string;
  readonly candidate: internal.Candidate;
  readonly carried?: { readonly term: bigint; readonly leaseId: bigint };
  /** Unique among the campaigns of all instances. */
  readonly holder: string;
}

/** The world of a campaign. */
export interface CampaignDeps {
  readonly store: Store;
  readonly timers: Timers;
  readonly leaseTtlMs: number;
  readonly log: Logger;
  readonly observe?: (election: string, event: CampaignEvent) => void;
}

/** What becomes of campaigns, for metrics. */
export type CampaignEvent = 'elected' | 'carried' | 'lost' | 'abandoned' | 'released' | 'moved';
/** Where a campaign stands. */
export type CampaignState = 'standing' | 'leading' | 'over';

interface Leadership extends Leader {
  readonly ttlMs: number;
}

/** The pause before a claim is made again that the store did not answer or that came too late. */
const retryMs = 200;
/** Which part of the lease's time a renewal may take before the candidate may have lost its patience. */
const owingShare = 1 / 4;

/**
 * One candidate's campaign, from its first message to the end of its stream.
 *
 * E1. A lease is renewed only when the candidate says that it lives: one that hangs loses it within the TTL.
 * E2. The candidate is told that it lost no later than a TTL after the last renewal was asked for, store or no store.
 * E3. When the candidate goes, the lease is given back at once, unless another campaign holds it by now, or this
 *     instance owes the candidate an answer: then it went because of us, and carries its lease elsewhere.
 * E4. When this instance goes, nothing is given back.
 * E5. A heartbeat is answered if the store answers, also while another leads: a candidate that gets no answer goes elsewhere.
 */
export class Campaign {
  readonly #deps: CampaignDeps;
  readonly #request: CampaignRequest;
  readonly #peer: CampaignPeer;
  readonly #value: string;
  readonly #lease: LeaseTimer;
  #state: CampaignState = 'standing';
  #leadership: Leadership | undefined;
  /** Whether, as far as the watch knows, nobody leads. */
  #vacant = false;
  #contending = false;
  #renewing = false;
  #renewAgain = false;
  /** Whether a renewal takes so long that the candidate may have given this instance up. */
  #owing = false;
  /** Whether a candidate that began to beat stopped doing so. */
  #silent = false;
  #toldTerm: bigint | undefined;
  #cancelWatch: Cancel | undefined;
  #cancelRetry: Cancel | undefined;
  #cancelSilence: Cancel | undefined;

  constructor(request: CampaignRequest, peer: CampaignPeer, deps: CampaignDeps) {
    this.#deps = deps;
    this.#request = request;
    this.#peer = peer;
    this.#value = writeLeaderValue({ candidate: request.candidate, holder: request.holder });
    this.#lease = new LeaseTimer(deps.timers, () => this.#lose('the lease was not renewed in time'));
  }

  get state(): CampaignState {
    return this.#state;
  }

  get election(): string {
    return this.#request.election;
  }

  start(): void {
    if (this.#request.carried === undefined) this.#watch();
    else void this.#carry(this.#request.carried);
  }

  /** The candidate lives. */
  heartbeat(): void {
    if (this.#state === 'leading') void this.#renew();
    if (this.#state !== 'standing') return;
    // A candidate that hangs while it waits must not be elected: the cluster would wait for its lease to run out.
    this.#cancelSilence?.();
    this.#cancelSilence = this.#deps.timers.after(this.#deps.leaseTtlMs, () => (this.#silent = true));
    this.#silent = false;
    if (this.#deps.store.ready() === true) this.#tellRenewed(this.#deps.leaseTtlMs);
    this.#contendIfVacant();
  }

  /** The candidate is gone: its stream ended or broke. */
  abandon(): void {
    const owing = this.#owing;
    const leadership = this.#end('abandoned');
    if (leadership !== undefined && !owing) void this.#giveBack(leadership);
  }

  /** This instance stops. The lease stays as it is. */
  release(): void {
    if (this.#state === 'over') return;
    this.#end('released');
    this.#peer.finish(failure('notLeader', 'this registry instance is stopping'));
  }

  #watch(): void {
    this.#cancelWatch = this.#deps.store.watchLeader(this.election, (leader) => {
      if (this.#state === 'leading') this.#compare(leader);
      else if (this.#state === 'standing') this.#stand(leader);
    });
  }

  #stand(leader: Leader | undefined): void {
    this.#vacant = leader === undefined;
    this.#contendIfVacant();
    // The news of its own election may come before the answer to its claim.
    if (leader === undefined || leader.term === this.#toldTerm || leader.value === this.#value) return;
    this.#toldTerm = leader.term;
    const candidate = candidateOf(leader.value);
    this.#peer.send({ $case: 'waiting', value: candidate === undefined ? {} : { leader: candidate } });
  }

  #contendIfVacant(): void {
    if (this.#vacant && this.#state === 'standing' && !this.#silent && !this.#contending)
      void this.#contend();
  }

  async #contend(): Promise<void> {
    const { store, timers, leaseTtlMs, log } = this.#deps;
    this.#contending = true;
    const asked = this.#lease.ask(leaseTtlMs);
    try {
      const lease = await store.grantLease(leaseTtlMs);
      const claim = await store.claim(this.election, lease.id, this.#value);
      if (!claim.won) {
        await store.revokeLease(lease.id);
      } else {
        const leadership = { term: claim.term, leaseId: lease.id, value: this.#value, ttlMs: lease.ttlMs };
        if (this.#isStanding() && asked.granted()) this.#lead(leadership, 'elected');
        else await store.resign(this.election, leadership);
      }
    } catch (error) {
      log.warn({ election: this.election, reason: failureOf(error).message }, 'could not claim the election');
    } finally {
      this.#contending = false;
      if (this.#isStanding()) {
        asked.refused();
        // Whoever won is told by the watch; until then, and if the claim failed, it is tried again.
        this.#cancelRetry = timers.after(retryMs, () => this.#contendIfVacant());
      }
    }
  }

  /** Goes on with a leadership that began at another instance. */
  async #carry(carried: { readonly term: bigint; readonly leaseId: bigint }): Promise<void> {
    const { store, leaseTtlMs } = this.#deps;
    const asked = this.#lease.ask(leaseTtlMs);
    try {
      const leader = { ...carried, value: this.#value };
      const held = await store.hold(this.election, leader);
      const ttlMs = held ? await store.renewLease(carried.leaseId) : undefined;
      if (!this.#isStanding()) {
        if (held) await store.resign(this.election, leader);
      } else if (ttlMs === undefined || !asked.granted()) {
        this.#lose('the leadership ended before it was carried here');
      } else {
        this.#lead({ ...leader, ttlMs }, 'carried');
        this.#watch();
      }
    } catch (error) {
      asked.refused();
      if (!this.#isStanding()) return;
      // Another instance may still reach the store: the candidate has until the end of its lease to find one.
      this.#end('abandoned');
      this.#peer.finish(failureOf(error));
    }
  }

  #lead(leadership: Leadership, event: CampaignEvent): void {
    const { term, leaseId, ttlMs } = leadership;
    this.#leadership = leadership;
    this.#state = 'leading';
    this.#cancelSilence?.();
    this.#deps.observe?.(this.election, event);
    this.#deps.log.info(
      { election: this.election, term: Number(term), candidate: this.#request.candidate.id },
      event,
    );
    this.#peer.send({ $case: 'elected', value: { term, leaseId, ttlMs: BigInt(ttlMs) } });
  }

  async #renew(): Promise<void> {
    const leadership = this.#leadership;
    if (leadership === undefined) return;
    if (this.#renewing) {
      // Beats that come while one is on its way are one.
      this.#renewAgain = true;
      return;
    }
    this.#renewing = true;
    const asked = this.#lease.ask(leadership.ttlMs);
    const cancelOwing = this.#deps.timers.after(leadership.ttlMs * owingShare, () => (this.#owing = true));
    let answered = false;
    try {
      const ttlMs = await this.#deps.store.renewLease(leadership.leaseId);
      if (this.#leadership !== leadership) asked.refused();
      else if (ttlMs === undefined) this.#lose('the lease ran out');
      else if (asked.granted()) this.#tellRenewed(ttlMs);
      answered = true;
    } catch (error) {
      asked.refused();
      this.#deps.log.warn(
        { election: this.election, reason: failureOf(error).message },
        'could not renew the lease',
      );
    } finally {
      this.#renewing = false;
      cancelOwing();
      // An answer that never came is owed until the next one does.
      this.#owing = !answered;
    }
    if (!this.#renewAgain) return;
    this.#renewAgain = false;
    await this.#renew();
  }

  #tellRenewed(ttlMs: number): void {
    this.#peer.send({ $case: 'renewed', value: { ttlMs: BigInt(ttlMs) } });
  }

  /** What the watch says while this candidate leads. News may be older than the leadership, so it is checked. */
  #compare(leader: Leader | undefined): void {
    if (leader?.term !== this.#leadership?.term) void this.#check();
    else if (leader !== undefined && leader.value !== this.#value) this.#moved();
  }

  async #check(): Promise<void> {
    const leadership = this.#leadership;
    try {
      const leader = await this.#deps.store.leader(this.election);
      if (this.#leadership !== leadership || leader?.term === leadership?.term) return;
      this.#lose(leader === undefined ? 'the lease ran out' : 'another leads');
    } catch {
      // The store does not answer: then the lease is not renewed either, and its end will tell.
    }
  }

  /** The candidate carried its lease to another stream, which holds it by now. */
  #moved(): void {
    this.#end('moved');
    this.#peer.finish(failure('conflict', 'the leadership was carried to another stream'));
  }

  #lose(reason: string): void {
    if (this.#state === 'over') return;
    const leadership = this.#end('lost');
    this.#peer.send({ $case: 'lost', value: { reason } });
    this.#peer.finish();
    if (leadership !== undefined) void this.#giveBack(leadership);
  }

  /** Ends the campaign; returns the leadership that it had. */
  #end(event: CampaignEvent): Leadership | undefined {
    if (this.#state === 'over') return undefined;
    const leadership = this.#leadership;
    this.#state = 'over';
    this.#leadership = undefined;
    this.#lease.stop();
    this.#cancelWatch?.();
    this.#cancelRetry?.();
    this.#cancelSilence?.();
    if (leadership !== undefined) {
      this.#deps.observe?.(this.election, event);
      this.#deps.log.info({ election: this.election, term: Number(leadership.term) }, `leadership ${event}`);
    }
    return leadership;
  }

  async #giveBack(leadership: Leadership): Promise<void> {
    try {
      await this.#deps.store.resign(this.election, leadership);
    } catch (error) {
      // It runs out by itself; only the next election takes as long.
      this.#deps.log.warn(
        { election: this.election, reason: failureOf(error).message },
        'could not give the lease back',
      );
    }
  }

  #isStanding(): boolean {
    return this.#state === 'standing';
  }
}
