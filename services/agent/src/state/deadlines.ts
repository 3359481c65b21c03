import { Heap, type Instant } from '@meseta/model';

/** Something that must be looked at when its instant comes. */
export interface Deadline {
  readonly at: Instant;
  readonly kind: 'retry' | 'grace' | 'completion' | 'check' | 'health' | 'executor' | 'operation';
  readonly key: string;
}

/**
 * Deadlines in a binary heap, the earliest first.
 *
 * One that no longer matters is not taken out: whoever gets it compares it with the record that it names. So an acknowledgement, which
 * comes far more often than a retry, costs nothing here.
 */
export class Deadlines {
  private readonly heap = new Heap<Deadline>((a, b) => a.at < b.at);

  next(): Instant | undefined {
    return this.heap.first?.at;
  }

  add(deadline: Deadline): void {
    this.heap.push(deadline);
  }

  /** Takes out one that is due, the earliest first. */
  takeDue(now: Instant): Deadline | undefined {
    const next = this.next();
    return next === undefined || next > now ? undefined : this.heap.take();
  }
}
