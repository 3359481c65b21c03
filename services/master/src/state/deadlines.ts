import type { AgentId, FrameworkId, Instant, OfferId } from '@meseta/model';

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

/** A binary heap of moments, soonest first. */
export class Deadlines {
  readonly #heap: Entry[] = [];
  #order = 0;

  get next(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  set(at: Instant, deadline: Deadline): void {
    const entry: Entry = { at, order: this.#order++, deadline };
    let place = this.#heap.length;
    this.#heap.push(entry);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above] as Entry;
      if (isBefore(parent, entry)) break;
      this.#heap[place] = parent;
      place = above;
    }
    this.#heap[place] = entry;
  }

  /** Takes the soonest one that is due, if any is. */
  takeDue(now: Instant): { readonly at: Instant; readonly deadline: Deadline } | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.#heap.pop() as Entry;
    if (this.#heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(entry: Entry): void {
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= this.#heap.length) break;
      const right = this.#heap[below + 1];
      if (right !== undefined && isBefore(right, this.#heap[below] as Entry)) below += 1;
      const child = this.#heap[below] as Entry;
      if (isBefore(entry, child)) break;
      this.#heap[place] = child;
      place = below;
    }
    this.#heap[place] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
