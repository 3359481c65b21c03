import type { Instant } from '@meseta/model';

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
  private readonly heap: Deadline[] = [];

  next(): Instant | undefined {
    return this.heap[0]?.at;
  }

  add(deadline: Deadline): void {
    const heap = this.heap;
    let at = heap.push(deadline) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as Deadline).at <= deadline.at) break;
      heap[at] = heap[parent] as Deadline;
      at = parent;
    }
    heap[at] = deadline;
  }

  /** Takes out one that is due, the earliest first. */
  takeDue(now: Instant): Deadline | undefined {
    const first = this.heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.heap.pop() as Deadline;
    if (this.heap.length > 0) this.sink(last);
    return first;
  }

  private sink(deadline: Deadline): void {
    const heap = this.heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Deadline).at < (heap[child] as Deadline).at) child++;
      if ((heap[child] as Deadline).at >= deadline.at) break;
      heap[at] = heap[child] as Deadline;
      at = child;
    }
    heap[at] = deadline;
  }
}
