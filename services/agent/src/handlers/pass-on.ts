import type { Readable, Writable } from 'node:stream';

/** Writes what came, and lets no more come while the other end does not read. */
export function passOn(from: Readable, to: Writable, data: Uint8Array): void {
  if (to.write(data)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
