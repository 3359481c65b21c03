/** Numbers of filters by the moment at which they end, soonest first: a binary heap in an array, with each filter's place kept so that it can leave. */
export class FilterHeap {
  private heap = new Int32Array(64);
  private places = new Int32Array(64);
  private endsMs = new Float64Array(64);
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The filter that ends first; only to be asked when there is one. */
  get first(): number {
    return this.heap[0] as number;
  }

  endOf(filter: number): number {
    return this.endsMs[filter] as number;
  }

  /** Makes room for filters with numbers below the bound. */
  reserve(bound: number): void {
    this.heap = grown(this.heap, new Int32Array(bound));
    this.places = grown(this.places, new Int32Array(bound));
    this.endsMs = grown(this.endsMs, new Float64Array(bound));
  }

  push(filter: number, endMs: number): void {
    this.endsMs[filter] = endMs;
    this.rise(this.count++, filter);
  }

  remove(filter: number): void {
    const place = this.places[filter] as number;
    const last = this.heap[--this.count] as number;
    if (last === filter) return;
    this.sink(this.rise(place, last), last);
  }

  /** Puts a filter at a place or above it; returns where it came to be. */
  private rise(from: number, filter: number): number {
    const { heap, places, endsMs } = this;
    const endMs = endsMs[filter] as number;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >>> 1;
      const other = heap[above] as number;
      if ((endsMs[other] as number) <= endMs) break;
      heap[place] = other;
      places[other] = place;
      place = above;
    }
    heap[place] = filter;
    places[filter] = place;
    return place;
  }

  private sink(from: number, filter: number): void {
    const { heap, places, endsMs, count } = this;
    const endMs = endsMs[filter] as number;
    let place = from;
    for (let below = 2 * place + 1; below < count; below = 2 * place + 1) {
      if (
        below + 1 < count &&
        (endsMs[heap[below + 1] as number] as number) < (endsMs[heap[below] as number] as number)
      )
        below += 1;
      const other = heap[below] as number;
      if ((endsMs[other] as number) >= endMs) break;
      heap[place] = other;
      places[other] = place;
      place = below;
    }
    heap[place] = filter;
    places[filter] = place;
  }
}

/** The larger of the two, with what the smaller held. */
export function grown<A extends Int32Array | Float64Array>(held: A, larger: A): A {
  if (larger.length <= held.length) return held;
  larger.set(held);
  return larger;
}
