import type { Cancel, Time } from './agenda';
import type { End, Network, NodeId } from './network';
import type { Random } from './random';
import type { CampaignSaid, CampaignTold } from './registry-node';

/** What a campaign tells its candidate. */
export interface CampaignListener {
  elected(term: number): void;
  lost(why: string): void;
  leaderIs(leader: string | undefined): void;
}

/**
 * A master's side of the election: stands at one registry instance after the other, beats while it lives, and knows by its own clock until when it
 * may act.
 */
export class SimCampaign {
  #end: End<CampaignTold, CampaignSaid> | undefined;
  #term: number | undefined;
  #validUntilMs = 0;
  #sentAtMs: number[] = [];
  #waitedSinceMs = 0;
  #instance: number;
  #cancels: Cancel[] = [];
  #closed = false;

  constructor(
    private readonly deps: {
      readonly agenda: Time;
      readonly network: Network;
      readonly random: Random;
      readonly node: NodeId;
      readonly candidate: string;
      readonly registries: readonly NodeId[];
      readonly leaseTtlMs: number;
      /** For how many times the lease the candidate believes that it leads: its clock may be wrong, and nothing may rest on it. */
      readonly belief: number;
    },
    private readonly listener: CampaignListener,
  ) {
    this.#instance = deps.random.int(0, deps.registries.length - 1);
  }

  leads(term: number): boolean {
    return this.#term === term && this.deps.agenda.now < this.#validUntilMs;
  }

  start(): void {
    if (this.#closed) return;
    const { network, node, registries, candidate, leaseTtlMs, agenda } = this.deps;
    const registry = registries[this.#instance % registries.length] as NodeId;
    const end = network.connect<CampaignTold, CampaignSaid>(node, registry, 'campaign');
    this.#end = end;
    this.#sentAtMs = [agenda.now];
    end.send({ kind: 'stand', candidate, carried: this.#term });
    end.onMessage = (told) => {
      if (this.#end === end) this.#told(told);
    };
    end.onEnd = () => {
      if (this.#end === end) this.#again();
    };
    this.#beat(end);
    this.#watchSilence(end, leaseTtlMs / 3);
  }

  /** Gives the term up and stands again. */
  resign(why: string): void {
    if (this.#term === undefined) return;
    this.#end?.send({ kind: 'resign' });
    this.#lose(why);
    this.#again();
  }

  close(): void {
    this.#closed = true;
    this.#end?.close();
    for (const cancel of this.#cancels) cancel();
  }

  #told(told: CampaignTold): void {
    // An election that was waited for began at the last beat that was answered.
    const sentAtMs = this.#sentAtMs.shift() ?? this.#waitedSinceMs;
    this.#waitedSinceMs = sentAtMs;
    switch (told.kind) {
      case 'elected': {
        const known = this.#term === told.term;
        this.#term = told.term;
        this.#validUntilMs = sentAtMs + told.ttlMs * this.deps.belief;
        this.#watchExpiry();
        if (!known) this.listener.elected(told.term);
        return;
      }
      case 'renewed':
        if (this.#term !== undefined) {
          this.#validUntilMs = Math.max(this.#validUntilMs, sentAtMs + told.ttlMs * this.deps.belief);
          this.#watchExpiry();
        }
        return;
      case 'waiting':
        if (this.#term !== undefined) this.#lose('another was elected');
        this.listener.leaderIs(told.leader);
        return;
      case 'lost':
        this.#lose('the lease is gone');
        this.#again();
        return;
    }
  }

  #beat(end: End<CampaignTold, CampaignSaid>): void {
    const { agenda, leaseTtlMs } = this.deps;
    this.#cancels.push(
      agenda.after(leaseTtlMs / 4, () => {
        if (this.#end !== end || !end.open || this.#closed) return;
        this.#sentAtMs.push(agenda.now);
        end.send({ kind: 'heartbeat' });
        this.#beat(end);
      }),
    );
  }

  /** An instance that does not answer is left for another. */
  #watchSilence(end: End<CampaignTold, CampaignSaid>, ms: number): void {
    const { agenda } = this.deps;
    this.#cancels.push(
      agenda.after(ms, () => {
        if (this.#end !== end || this.#closed) return;
        const oldest = this.#sentAtMs[0];
        if (oldest !== undefined && agenda.now - oldest > ms) {
          end.close();
          this.#again();
        } else this.#watchSilence(end, ms);
      }),
    );
  }

  #watchExpiry(): void {
    const { agenda } = this.deps;
    const until = this.#validUntilMs;
    this.#cancels = this.#cancels.slice(-8);
    this.#cancels.push(
      agenda.after(until - agenda.now, () => {
        if (this.#term !== undefined && this.#validUntilMs === until && !this.#closed) {
          this.#lose('the lease ran out');
          this.#again();
        }
      }),
    );
  }

  #lose(why: string): void {
    if (this.#term === undefined) return;
    this.#term = undefined;
    this.listener.lost(why);
  }

  #again(): void {
    const { agenda, random } = this.deps;
    this.#end?.close();
    this.#end = undefined;
    this.#instance += 1;
    this.#cancels.push(
      agenda.after(random.skewed(10, 200), () => {
        if (this.#end === undefined) this.start();
      }),
    );
  }
}
