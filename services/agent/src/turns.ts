/** Lets what concerns the same thing happen one after the other, and the rest at once. */
export class Turns<Key> {
  private readonly last = new Map<Key, Promise<unknown>>();

  take<T>(key: Key, fn: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    const turn = before.then(fn, fn);
    this.last.set(key, turn);
    const forget = (): void => {
      if (this.last.get(key) === turn) this.last.delete(key);
    };
    turn.then(forget, forget);
    return turn;
  }
}
