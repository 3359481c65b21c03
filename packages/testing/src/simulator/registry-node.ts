import { isFailure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { planCommit, recordOf, storedWrite } from '@meseta/registry/core';
import type { Time } from './agenda';
import type { EtcdModel } from './etcd-model';
import type { End, Network, NodeId } from './network';

/** What a candidate says over its campaign. */
export type CampaignSaid =
  | { readonly kind: 'stand'; readonly candidate: string; readonly carried: number | undefined }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'resign' };

/** What it is told. */
export type CampaignTold =
  | { readonly kind: 'elected'; readonly term: number; readonly ttlMs: number }
  | { readonly kind: 'renewed'; readonly ttlMs: number }
  | { readonly kind: 'waiting'; readonly leader: string | undefined }
  | { readonly kind: 'lost' };

export type RegistryAsked =
  | {
      readonly kind: 'commit';
      readonly term: number;
      readonly operations: readonly internal.RegistryOperation[];
    }
  | { readonly kind: 'snapshot' };

export type RegistryAnswered =
  | { readonly kind: 'committed' }
  | { readonly kind: 'fenced' }
  /** Nobody knows whether it was written. */
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'snapshot'; readonly records: readonly internal.Record[] };

interface Standing {
  readonly end: End<CampaignSaid, CampaignTold>;
  readonly holder: string;
  candidate: string;
  /** The term that it leads, if it does. */
  term: number | undefined;
  /** It has beaten since it last hung: only who lives is elected. */
  alive: boolean;
}

/** One instance of the registry: it plans commits with the real core, and stands between candidates and etcd. */
export class RegistryNode {
  readonly #standing = new Set<Standing>();
  #unwatch: () => void = () => undefined;
  #campaigns = 0;
  up = false;

  constructor(
    readonly id: NodeId,
    private readonly deps: {
      readonly agenda: Time;
      readonly network: Network;
      readonly etcd: EtcdModel;
      readonly leaseTtlMs: number;
    },
  ) {}

  start(): void {
    this.up = true;
    const { network, etcd } = this.deps;
    network.listen(this.id, 'campaign', (end) => this.#campaign(end as unknown as Standing['end']));
    network.listen(this.id, 'registry', (end) =>
      this.#serve(end as unknown as End<RegistryAsked, RegistryAnswered>),
    );
    this.#unwatch = etcd.watch(() => this.#leaderChanged());
  }

  /** The process dies; what it knew of campaigns is gone, the leases are etcd's. */
  crash(silent: boolean): void {
    this.up = false;
    this.#unwatch();
    this.#standing.clear();
    this.deps.network.down(this.id, silent);
  }

  #campaign(end: Standing['end']): void {
    const holder = `${this.id}#${this.#campaigns++}`;
    const standing: Standing = { end, holder, candidate: '', term: undefined, alive: false };
    end.onMessage = (said) => this.#said(standing, said);
    end.onEnd = () => {
      this.#standing.delete(standing);
      // A leader whose process died gives way at once. One that only lost this connection carries its lease to another campaign, and
      // is then not this one's to give back.
      const { term } = standing;
      if (term === undefined) return;
      this.deps.agenda.after(50, () => {
        if (this.up) this.deps.etcd.resign(term, holder);
      });
    };
  }

  #said(standing: Standing, said: CampaignSaid): void {
    const { etcd, leaseTtlMs } = this.deps;
    switch (said.kind) {
      case 'stand':
        standing.candidate = said.candidate;
        this.#standing.add(standing);
        if (said.carried !== undefined && etcd.hold(said.carried, standing.holder) === true) {
          standing.term = said.carried;
          return standing.end.send({ kind: 'elected', term: said.carried, ttlMs: leaseTtlMs });
        }
        if (said.carried !== undefined && !etcd.away) return standing.end.send({ kind: 'lost' });
        standing.alive = true;
        return this.#contend(standing);
      case 'heartbeat':
        standing.alive = true;
        if (standing.term === undefined) {
          if (!etcd.away) standing.end.send({ kind: 'renewed', ttlMs: leaseTtlMs });
          return this.#contend(standing);
        }
        return this.#renew(standing, standing.term);
      case 'resign':
        if (standing.term !== undefined) etcd.resign(standing.term, standing.holder);
        standing.term = undefined;
        standing.alive = false;
        return;
    }
  }

  #renew(standing: Standing, term: number): void {
    const renewed = this.deps.etcd.renew(term);
    if (renewed === undefined) return;
    if (renewed) return standing.end.send({ kind: 'renewed', ttlMs: this.deps.leaseTtlMs });
    standing.term = undefined;
    standing.end.send({ kind: 'lost' });
  }

  #contend(standing: Standing): void {
    const { etcd, leaseTtlMs } = this.deps;
    if (!standing.alive || !standing.end.open) return;
    const leader = etcd.claim(standing.candidate, standing.end.peer, standing.holder);
    if (leader === undefined) {
      standing.end.send({ kind: 'waiting', leader: etcd.leader?.address });
      return;
    }
    standing.term = leader.term;
    // One that hangs from here on is not elected a second time before it has beaten again.
    standing.alive = false;
    standing.end.send({ kind: 'elected', term: leader.term, ttlMs: leaseTtlMs });
  }

  #leaderChanged(): void {
    for (const standing of [...this.#standing]) {
      if (standing.term !== undefined && standing.term !== this.deps.etcd.leader?.term) {
        standing.term = undefined;
        standing.end.send({ kind: 'lost' });
      } else if (standing.term === undefined) {
        this.#contend(standing);
      }
    }
  }

  #serve(end: End<RegistryAsked, RegistryAnswered>): void {
    end.onMessage = (asked) => {
      if (asked.kind === 'snapshot') {
        if (this.deps.etcd.away) return end.send({ kind: 'unavailable' });
        const records = [...this.deps.etcd.records.values()].map((value) => recordOf(value));
        return end.send({ kind: 'snapshot', records });
      }
      const planned = planCommit(asked.operations);
      if (isFailure(planned)) throw new Error(`the registry refused a commit: ${planned.message}`);
      this.deps.etcd.write(asked.term, planned.map(storedWrite), (outcome) => {
        if (outcome === 'done') end.send({ kind: 'committed' });
        else if (outcome === 'fenced') end.send({ kind: 'fenced' });
        else end.send({ kind: 'unavailable' });
      });
    };
  }
}
