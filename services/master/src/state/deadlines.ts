import { Heap, type AgentId, type FrameworkId, type Instant, type OfferId } from '@meseta/model';

/** What may come due. Whoever handles it looks whether it still counts: deadlines are not withdrawn. */
export type Deadline =
  | { readonly kind: 'agent'; readonly agentId: AgentId }
  | { readonly kind: 'frameworkFailover'; readonly frameworkId: FrameworkId }
  | { readonly kind: 'heartbeat'; readonly frameworkId: FrameworkId; readonly stream: string }
  | { readonly kind: 'offer'; readonly offerId: OfferId }
  | { readonly kind: 'inverseOffer'; readonly offerId: OfferId };

interface Entry {
  readonly at: Instant;
  /** Breaks ties, so that equal moments come due in the order in which they were set. */
  readonly order: number;
  readonly deadline: Deadline;
}

/** What comes due, soonest first. */
export class Deadlines {
  readonly #heap = new Heap<Entry>(isBefore);
  #order = 0;

  get next(): Instant | undefined {
    return this.#heap.first?.at;
  }

  set(at: Instant, deadline: Deadline): void {
    this.#heap.push({ at, order: this.#order++, deadline });
  }

  /** Takes the soonest one that is due, if any is. */
  takeDue(now: Instant): { readonly at: Instant; readonly deadline: Deadline } | undefined {
    const { next } = this;
    return next === undefined || next > now ? undefined : this.#heap.take();
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
