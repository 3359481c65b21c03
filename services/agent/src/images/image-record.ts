import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** An image that this agent pulled. */
export interface PulledImage {
  /** As tasks name it. */
  readonly name: string;
  /** When a task last wanted it. Milliseconds since 1970. */
  readonly usedAtMs: number;
}

/**
 * Which images this agent pulled, and when each was wanted last: a small file that survives the agent, so that images of others are never taken
 * for its own.
 */
export class ImageRecord {
  private readonly used = new Map<string, number>();

  /** @param file absolute; unset keeps the record in memory only */
  constructor(private readonly file: string | undefined) {
    if (file === undefined) return;
    try {
      for (const { name, usedAtMs } of JSON.parse(readFileSync(file, 'utf8')) as PulledImage[])
        this.used.set(name, usedAtMs);
    } catch {
      // There is none yet, or one that was cut off: then those images stay, which harms nobody.
    }
  }

  all(): readonly PulledImage[] {
    return [...this.used].map(([name, usedAtMs]) => ({ name, usedAtMs }));
  }

  /** A task wants an image; one that was not pulled for any of this agent's tasks is none of its business. */
  use(name: string, pulled: boolean, nowMs: number): void {
    if (!pulled && !this.used.has(name)) return;
    this.used.set(name, nowMs);
    this.save();
  }

  forget(name: string): void {
    if (this.used.delete(name)) this.save();
  }

  private save(): void {
    if (this.file === undefined) return;
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(`${this.file}.new`, JSON.stringify(this.all()));
    renameSync(`${this.file}.new`, this.file);
  }
}
