/** A binary heap: what comes before all others is taken first. Among equals the order is not said; an order that leaves none makes it so. */
export class Heap<T> {
  readonly #items: T[] = [];

  /** @param isBefore whether one has to be taken before another; both ways false if they are equal */
  constructor(private readonly isBefore: (a: T, b: T) => boolean) {}

  /** What is taken next. */
  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let place = items.push(item) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = items[above] as T;
      if (!this.isBefore(item, parent)) break;
      items[place] = parent;
      place = above;
    }
    items[place] = item;
  }

  take(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (this.#items.length > 0) this.#sink(last as T);
    return first;
  }

  #sink(item: T): void {
    const items = this.#items;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= items.length) break;
      const right = below + 1;
      if (right < items.length && this.isBefore(items[right] as T, items[below] as T)) below = right;
      const child = items[below] as T;
      if (!this.isBefore(child, item)) break;
      items[place] = child;
      place = below;
    }
    items[place] = item;
  }
}
