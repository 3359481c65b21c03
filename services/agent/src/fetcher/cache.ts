import { randomUUID } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file that is kept for the next who wants it. */
interface Entry {
  readonly path: string;
  /** Resolves when it is whole; rejects if it could not be had. */
  readonly ready: Promise<void>;
  bytes: number;
  /** How many are reading it: it is not thrown out meanwhile. */
  users: number;
}

/**
 * Files that tasks asked to be kept: one download for all that want the same at once, and the longest unused thrown out when there are too many bytes (G76).
 *
 * It starts empty: what was kept in a former life may be half a file.
 */
export class FetchCache {
  /** The least lately used first. */
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly directory: string,
    readonly bytesMax: number,
  ) {}

  async open(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
  }

  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.entries.values()) sum += bytes;
    return sum;
  }

  /**
   * Lets `use` have a file, which `fetch` writes if it is not there.
   *
   * @returns whether it was there, or on its way, already
   */
  async with(
    key: string,
    fetch: (path: string) => Promise<unknown>,
    use: (path: string) => Promise<void>,
  ): Promise<boolean> {
    const known = this.entries.get(key);
    const entry = known ?? this.begin(key, fetch);
    if (known !== undefined) {
      this.entries.delete(key);
      this.entries.set(key, known);
    }
    entry.users++;
    try {
      await entry.ready;
      await use(entry.path);
    } finally {
      entry.users--;
      await this.shrink();
    }
    return known !== undefined;
  }

  private begin(key: string, fetch: (path: string) => Promise<unknown>): Entry {
    const path = join(this.directory, randomUUID());
    const entry: Entry = { path, ready: this.fill(key, path, fetch), bytes: 0, users: 0 };
    this.entries.set(key, entry);
    return entry;
  }

  private async fill(key: string, path: string, fetch: (path: string) => Promise<unknown>): Promise<void> {
    try {
      await fetch(path);
      const { size } = await stat(path);
      const entry = this.entries.get(key);
      if (entry !== undefined) entry.bytes = size;
    } catch (error) {
      // Whoever asks next tries anew.
      this.entries.delete(key);
      await rm(path, { force: true });
      throw error;
    }
  }

  /** Throws out what nobody reads until the rest is small enough; one that is larger than all of the cache goes as well. */
  private async shrink(): Promise<void> {
    let bytes = this.bytes;
    for (const [key, entry] of [...this.entries]) {
      if (bytes <= this.bytesMax) return;
      if (entry.users > 0 || entry.bytes === 0) continue;
      this.entries.delete(key);
      bytes -= entry.bytes;
      await rm(entry.path, { force: true });
    }
  }
}
