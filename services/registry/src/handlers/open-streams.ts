/** The streams that end when this instance stops. */
export class OpenStreams {
  readonly #open = new Map<() => void, () => number>();

  get count(): number {
    return this.#open.size;
  }

  /** How much waits for the reader for whom most waits. */
  get queuedMost(): number {
    let most = 0;
    for (const queued of this.#open.values()) most = Math.max(most, queued());
    return most;
  }

  /** Remembers how to end a stream, and how to ask how much waits for its reader; what it returns forgets it. */
  add(end: () => void, queued: () => number = () => 0): () => void {
    this.#open.set(end, queued);
    return () => void this.#open.delete(end);
  }

  endAll(): void {
    for (const end of [...this.#open.keys()]) end();
    this.#open.clear();
  }
}
