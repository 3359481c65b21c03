import { readFile } from 'node:fs/promises';
import type { Logger, Timers } from '@meseta/kit';

/** How often the file is read. Mesos's own interval (A8). */
const intervalMs = 5000;

/**
 * The hosts that are offered, from a file that an operator changes while the allocator runs: a name a line; empty lines and those that begin with `#` are passed over.
 * A file that cannot be read changes nothing: to offer nothing because of a missing file would stop the cluster.
 */
export class Whitelist {
  #hostnames: ReadonlySet<string> | undefined;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(
    private readonly deps: {
      readonly path: string;
      readonly timers: Timers;
      readonly log: Logger;
      readonly onChanged: (hostnames: ReadonlySet<string>) => void;
    },
  ) {}

  /** The names as last read; undefined before that. */
  get hostnames(): ReadonlySet<string> | undefined {
    return this.#hostnames;
  }

  /** Reads the file, and goes on reading it. */
  async start(): Promise<void> {
    await this.#read();
    if (!this.#closed) this.#cancel = this.deps.timers.after(intervalMs, () => void this.start());
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  async #read(): Promise<void> {
    const { path, log, onChanged } = this.deps;
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      log.warn(
        { path },
        `the whitelist cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      );
      return;
    }
    const hostnames = hostnamesOf(text);
    const known = this.#hostnames;
    if (
      known !== undefined &&
      known.size === hostnames.size &&
      [...hostnames].every((name) => known.has(name))
    )
      return;
    this.#hostnames = hostnames;
    log.info({ path, hosts: hostnames.size }, 'whitelist read');
    onChanged(hostnames);
  }
}

/** The names in the text of a whitelist. */
export function hostnamesOf(text: string): ReadonlySet<string> {
  const lines = text.split('\n').map((line) => line.trim());
  return new Set(lines.filter((line) => line !== '' && !line.startsWith('#')));
}
