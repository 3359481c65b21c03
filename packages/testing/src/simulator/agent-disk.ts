import type { CheckpointDb } from '@meseta/agent/core';
import type { Random } from './random';

/**
 * The disk under an agent's checkpoint: writes are noted, and durable only when they are committed. A crash in between keeps some of them, from
 * the first on, and loses the rest.
 */
export class AgentDisk implements CheckpointDb {
  readonly #durable = new Map<string, unknown>();
  #noted: { readonly key: string; readonly value: unknown }[] = [];
  readonly committed = Promise.resolve(true);
  readonly flushed = Promise.resolve(true);

  get(key: string): unknown {
    return this.#durable.get(key);
  }

  *getRange({ start, end }: { start: string; end: string }): Iterable<{ key: string; value: unknown }> {
    for (const key of [...this.#durable.keys()].sort())
      if (key >= start && key < end) yield { key, value: this.#durable.get(key) };
  }

  put(key: string, value: unknown): Promise<boolean> {
    // Encoded at once, as LMDB does: what changes afterwards is not in it.
    this.#noted.push({ key, value: structuredClone(value) });
    return this.committed;
  }

  remove(key: string): Promise<boolean> {
    this.#noted.push({ key, value: undefined });
    return this.committed;
  }

  /** Everything noted so far is durable. */
  commit(): void {
    for (const { key, value } of this.#noted.splice(0)) this.#keep(key, value);
  }

  /** The process dies: of what was noted a part may have reached the disk. */
  crash(random: Random): void {
    const kept = random.int(0, this.#noted.length);
    for (const { key, value } of this.#noted.slice(0, kept)) this.#keep(key, value);
    this.#noted = [];
  }

  /** Nothing was ever written. */
  wipe(): void {
    this.#durable.clear();
    this.#noted = [];
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #keep(key: string, value: unknown): void {
    if (value === undefined) this.#durable.delete(key);
    else this.#durable.set(key, value);
  }
}
