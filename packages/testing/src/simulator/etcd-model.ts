import type { Agenda } from './agenda';
import type { Random } from './random';

/** One key that is written, or deleted if the value is unset. */
export interface ModelWrite {
  readonly key: string;
  readonly value?: Uint8Array | undefined;
}

/** Who holds the election's key. */
export interface ModelLeader {
  readonly term: number;
  readonly candidate: string;
  readonly address: string;
  /** The campaign that keeps it: written anew when the leader carries its lease to another. */
  holder: string;
}

/** What came of a write: done, refused by the fence, or nobody knows. */
export type WriteOutcome = 'done' | 'fenced' | 'unknown';

export interface EtcdModelOptions {
  readonly leaseTtlMs: number;
  readonly writeMinMs: number;
  readonly writeMaxMs: number;
}

/** How often etcd looks for leases that have run out. */
const expiryEveryMs = 500;

/**
 * etcd as the registry sees it, and not kinder: revisions that grow, one election whose key hangs on a lease, writes that are compared with
 * the term inside their transaction. A write that fails may have been done; after a change of etcd's own leader every lease lives a whole time
 * longer; while etcd has no leader nothing is answered. Watches may be late, and skip what was undone meanwhile.
 *
 * Only this survives everything.
 */
export class EtcdModel {
  readonly records = new Map<string, Uint8Array>();
  leader: ModelLeader | undefined;
  #revision = 1;
  #expiresMs = 0;
  #awayUntilMs = 0;
  #lastWriteMs = 0;
  readonly #watchers = new Set<() => void>();

  constructor(
    private readonly agenda: Agenda,
    private readonly random: Random,
    private readonly options: EtcdModelOptions,
  ) {
    this.#watchExpiry();
  }

  get away(): boolean {
    return this.agenda.now < this.#awayUntilMs;
  }

  /** Writes if the term still leads. Transactions are done one after the other. */
  write(term: number, writes: readonly ModelWrite[], answer: (outcome: WriteOutcome) => void): void {
    const at = Math.max(this.#lastWriteMs, this.agenda.now + this.#writeMs());
    this.#lastWriteMs = at;
    this.agenda.after(at - this.agenda.now, () => {
      const late = this.away;
      // A write that was on its way when etcd lost its leader may have been done or not; either way nobody says.
      if (late && this.random.chance(0.5)) return answer('unknown');
      if (this.leader?.term !== term) return answer(late ? 'unknown' : 'fenced');
      this.#revision += 1;
      for (const { key, value } of writes) {
        if (value === undefined) this.records.delete(key);
        else this.records.set(key, value);
      }
      answer(late ? 'unknown' : 'done');
    });
  }

  /** Takes the election if nobody has it. */
  claim(candidate: string, address: string, holder: string): ModelLeader | undefined {
    if (this.away || this.leader !== undefined) return undefined;
    this.#revision += 1;
    this.leader = { term: this.#revision, candidate, address, holder };
    this.#expiresMs = this.agenda.now + this.options.leaseTtlMs;
    this.#told();
    return this.leader;
  }

  /** Renews the lease of a term; false if it is gone, undefined if etcd does not answer. */
  renew(term: number): boolean | undefined {
    if (this.away) return undefined;
    if (this.leader?.term !== term) return false;
    this.#expiresMs = this.agenda.now + this.options.leaseTtlMs;
    return true;
  }

  /** Takes the lease of a term over from another campaign; false if it is gone, undefined if etcd does not answer. */
  hold(term: number, holder: string): boolean | undefined {
    const renewed = this.renew(term);
    if (renewed === true && this.leader !== undefined) this.leader.holder = holder;
    return renewed;
  }

  /** Gives the election of a term back, unless another campaign holds it by now. */
  resign(term: number, holder: string): void {
    if (this.away || this.leader?.term !== term || this.leader.holder !== holder) return;
    this.leader = undefined;
    this.#told();
  }

  /** etcd's own leader dies: nothing is answered for a while, and then every lease lives a whole time longer. */
  changeLeader(awayMs: number): void {
    this.#awayUntilMs = this.agenda.now + awayMs;
    this.#expiresMs = this.#awayUntilMs + this.options.leaseTtlMs + 1000;
    this.agenda.after(awayMs, () => this.#told());
  }

  /** Tells, some time later, that who leads may have changed. */
  watch(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  #watchExpiry(): void {
    this.agenda.after(expiryEveryMs, () => {
      if (!this.away && this.leader !== undefined && this.#expiresMs <= this.agenda.now) {
        this.leader = undefined;
        this.#told();
      }
      this.#watchExpiry();
    });
  }

  #told(): void {
    for (const listener of this.#watchers)
      this.agenda.after(this.random.skewed(1, 20), () => {
        if (this.#watchers.has(listener)) listener();
      });
  }

  #writeMs(): number {
    return this.random.skewed(this.options.writeMinMs, this.options.writeMaxMs);
  }
}
