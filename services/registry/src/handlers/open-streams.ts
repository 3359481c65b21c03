/** The streams that end when this instance stops. */
export class OpenStreams {
  readonly #open = new Set<() => void>();

  get count(): number {
    return this.#open.size;
  }

  /** Remembers how to end a stream; what it returns forgets it. */
  add(end: () => void): () => void {
    this.#open.add(end);
    return () => void this.#open.delete(end);
  }

  endAll(): void {
    for (const end of [...this.#open]) end();
    this.#open.clear();
  }
}
