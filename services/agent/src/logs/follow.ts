import { watch } from 'node:fs';
import { basename } from 'node:path';
import type { FileHandle } from 'node:fs/promises';
import { openFound } from '../sandbox/open';

/** How much is read, and sent, at once. Bytes. */
const chunkBytes = 64 * 1024;
/** How often a file is looked at even if nobody told of a change. */
const lookMs = 1_000;

/** A piece of a file. */
export interface Piece {
  /** Bytes from the beginning. */
  readonly offset: number;
  readonly data: Buffer;
}

/** What to read. */
export interface FollowOptions {
  /** Links followed. */
  readonly path: string;
  /** Where to start. Bytes from the beginning; a negative number counts back from the end as it is now. */
  readonly offset: number;
  /** Whether more may be written; once not, what is there is read and that is all. False reads what is there. */
  readonly isGrowing: () => boolean;
  readonly signal: AbortSignal;
}

/** Reads a file piece by piece, and goes on while it may grow. */
export async function* followFile(options: FollowOptions): AsyncGenerator<Piece> {
  const { path, isGrowing, signal } = options;
  const file = await openFound(path, basename(path));
  try {
    let offset = await startOf(file, options.offset);
    while (!signal.aborted) {
      // Asked before the read: what was written before the end is read after it.
      const growing = isGrowing();
      const data = await readPiece(file, offset);
      if (data.length === 0 && (await file.stat()).size < offset) {
        // What was there was moved aside: it goes on at its new beginning.
        offset = 0;
      } else if (data.length > 0) {
        yield { offset, data };
        offset += data.length;
      } else if (growing) {
        await changeOf(path, signal);
      } else {
        return;
      }
    }
  } finally {
    await file.close();
  }
}

async function startOf(file: FileHandle, offset: number): Promise<number> {
  if (offset >= 0) return offset;
  return Math.max(0, (await file.stat()).size + offset);
}

/** Reads what is there at an offset, at most so many bytes. */
export async function readPiece(file: FileHandle, offset: number, lengthMax = chunkBytes): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(lengthMax);
  const { bytesRead } = await file.read(buffer, 0, lengthMax, offset);
  return buffer.subarray(0, bytesRead);
}

/** Resolves when the file changes, and after a while anyway. */
function changeOf(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      watcher.close();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, lookMs);
    const watcher = watch(path, done);
    watcher.on('error', done);
    signal.addEventListener('abort', done);
  });
}
