/** What an `AsyncQueue` is made of. */
export interface AsyncQueueOptions<Item> {
  /** How many items may wait. */
  readonly itemsMax: number;
  /** What happens at the bound: given the items and the newcomer, it must leave at most `itemsMax` in the array. */
  readonly onFull: (waiting: Item[], newcomer: Item) => void;
  /** An item that went stale while it waited is not handed out. */
  readonly isStale?: (item: Item) => boolean;
  /** Called when the consumer leaves its loop. */
  readonly onReturn?: () => void;
}

/** A bounded queue between what arrives and a `for await` loop. Several loops share it: each item goes to one. */
export class AsyncQueue<Item> implements AsyncIterableIterator<Item> {
  readonly #options: AsyncQueueOptions<Item>;
  readonly #items: Item[] = [];
  readonly #waiters: { resolve: (result: IteratorResult<Item>) => void; reject: (error: Error) => void }[] =
    [];
  #ended: { readonly error?: Error } | undefined;

  constructor(options: AsyncQueueOptions<Item>) {
    this.#options = options;
  }

  /** Adds an item; after the end it is ignored. */
  push(item: Item): void {
    if (this.#ended !== undefined) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) waiter.resolve({ done: false, value: item });
    else if (this.#items.length < this.#options.itemsMax) this.#items.push(item);
    else this.#options.onFull(this.#items, item);
  }

  /** Lets loops take what waits and then end, with an error if one is given. */
  end(error?: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error === undefined ? {} : { error };
    for (const waiter of this.#waiters.splice(0)) {
      if (error === undefined) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(error);
    }
  }

  next(): Promise<IteratorResult<Item>> {
    for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
      if (this.#options.isStale?.(item) !== true) return Promise.resolve({ done: false, value: item });
    }
    if (this.#ended?.error !== undefined) return Promise.reject(this.#ended.error);
    if (this.#ended !== undefined) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<Item>> {
    this.#options.onReturn?.();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** A rule for the bound: the oldest waiting item makes room, since a newer one says more. */
export function dropOldest<Item>(waiting: Item[], newcomer: Item): void {
  waiting.shift();
  waiting.push(newcomer);
}
