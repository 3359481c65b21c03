/** What a `BatchWriter` is made of. */
export interface BatchWriterOptions<Item, Message> {
  /** Writes one message; false asks to wait for the drain, as Node's streams do. */
  readonly write: (message: Message) => boolean;
  /** Calls `fn` once, when more may be written. */
  readonly onDrain: (fn: () => void) => void;
  readonly toMessage: (items: Item[]) => Message;
  readonly itemsPerMessageMax: number;
  readonly itemsQueuedMax: number;
  /** Told how many items were refused because the queue is full. Most users end the stream: its peer is too slow. */
  readonly onOverflow: (itemsRefused: number) => void;
  /** Told what was written and what was refused, for the metrics. */
  readonly observer?: BatchObserver;
  /** When to write what one turn of the loop gathered; `setImmediate` if unset. */
  readonly schedule?: (fn: () => void) => void;
}

/** Whoever counts the messages of a stream. */
export interface BatchObserver {
  /** A message of so many items was written. */
  wrote(items: number): void;
  /** So many items were refused because the queue is full. */
  refused(items: number): void;
}

/**
 * A writer that gathers what one turn of the loop produced into few messages.
 *
 * A message costs a hundred microseconds whatever it holds and an item inside one costs two, so items pushed in
 * one turn travel together. The queue is bounded by `itemsQueuedMax`: while the peer does not read, items wait here,
 * and at the bound they are refused and counted, never dropped silently.
 */
export class BatchWriter<Item, Message> {
  readonly #options: BatchWriterOptions<Item, Message>;
  readonly #schedule: (fn: () => void) => void;
  #items: Item[] = [];
  /** Where the first waiting item is: taking from the front of a long array would copy it each time. */
  #head = 0;
  #scheduled = false;
  #blocked = false;
  #closed = false;

  constructor(options: BatchWriterOptions<Item, Message>) {
    this.#options = options;
    this.#schedule = options.schedule ?? ((fn) => void setImmediate(fn));
  }

  /** How many items wait. */
  get queued(): number {
    return this.#items.length - this.#head;
  }

  /** Takes an item to be written at the end of this turn. False if it was refused: the queue is full or closed. */
  push(item: Item): boolean {
    if (this.#closed) return false;
    if (this.queued >= this.#options.itemsQueuedMax) {
      this.#options.observer?.refused(1);
      this.#options.onOverflow(1);
      return false;
    }
    this.#items.push(item);
    this.#plan();
    return true;
  }

  /** Writes now what waits, until the peer asks for a pause. */
  flush(): void {
    while (!this.#blocked && this.queued > 0) this.#writeOne();
  }

  /** Writes the rest, pause or not (it is bounded), and takes no more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    while (this.queued > 0) this.#writeOne();
  }

  #plan(): void {
    if (this.#scheduled || this.#blocked) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  #writeOne(): void {
    const { itemsPerMessageMax, toMessage, write, onDrain, observer } = this.#options;
    const batch = this.#items.slice(this.#head, this.#head + itemsPerMessageMax);
    this.#head += batch.length;
    if (this.#head === this.#items.length || this.#head >= this.#options.itemsQueuedMax) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    observer?.wrote(batch.length);
    if (write(toMessage(batch)) || this.#blocked) return;
    this.#blocked = true;
    onDrain(() => {
      this.#blocked = false;
      this.flush();
    });
  }
}
