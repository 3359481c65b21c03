import { FailureError } from '@meseta/kit';
import { failure, type Failure } from '@meseta/model';

/** Items in one call: beyond this a message grows without getting cheaper per item. */
const itemsPerCallMax = 1000;
/** Calls under way at once: while they are, what comes gathers into larger ones. */
const callsUnderWayMax = 4;
/** Items that may wait; more are refused as `overloaded`. */
const itemsWaitingMax = 100_000;

interface Group<Item> {
  readonly items: Item[];
  readonly sent: Promise<void>;
  readonly settle: { resolve: () => void; reject: (error: Error) => void };
}

/** Gathers what one turn of the loop asks for into few calls. The items of one call share its promise. */
export class CallBatch<Item> {
  readonly #send: (items: readonly Item[]) => Promise<void>;
  #groups: Group<Item>[] = [];
  #waiting = 0;
  #underWay = 0;
  #scheduled = false;
  /** The groups without an answer yet, in the order of their items. */
  readonly #unanswered = new Set<Promise<void>>();

  constructor(send: (items: readonly Item[]) => Promise<void>) {
    this.#send = send;
  }

  /** Adds an item; settles as its call does. */
  push(item: Item): Promise<void> {
    if (this.#waiting >= itemsWaitingMax) {
      return Promise.reject(
        new FailureError(
          failure('overloaded', `more than ${itemsWaitingMax} items wait for the master to take them`),
        ),
      );
    }
    let group = this.#groups.at(-1);
    if (group === undefined || group.items.length >= itemsPerCallMax) {
      group = newGroup();
      this.#groups.push(group);
      this.#await(group.sent);
    }
    group.items.push(item);
    this.#waiting += 1;
    this.#schedule();
    return group.sent;
  }

  /** Settles when what was pushed until now was answered, or refused; what is pushed meanwhile it does not wait for. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#unanswered);
  }

  /** Refuses what waits. What is under way settles by itself. */
  abort(why: Failure): void {
    const groups = this.#groups.splice(0);
    this.#waiting = 0;
    for (const group of groups) group.settle.reject(new FailureError(why));
  }

  #await(sent: Promise<void>): void {
    this.#unanswered.add(sent);
    const answered = (): boolean => this.#unanswered.delete(sent);
    sent.then(answered, answered);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#underWay < callsUnderWayMax) {
      const group = this.#groups.shift();
      if (group === undefined) return;
      this.#waiting -= group.items.length;
      this.#underWay += 1;
      this.#send(group.items)
        .then(group.settle.resolve, group.settle.reject)
        .finally(() => {
          this.#underWay -= 1;
          this.#flush();
        });
    }
  }
}

function newGroup<Item>(): Group<Item> {
  let settle: Group<Item>['settle'] | undefined;
  const sent = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  // Who does not ask is not told, rather than the process ending on an unhandled rejection.
  sent.catch(() => undefined);
  if (settle === undefined) throw new Error('a promise runs its executor at once');
  return { items: [], sent, settle };
}
