import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { openOutput, outputNames } from '../sandbox/open';
import { readPiece } from './follow';

/**
 * Moves what a task has printed aside when it has become long, and begins anew; one older piece is kept, as `stdout.1` and `stderr.1`.
 *
 * The task holds its file open and writes at its end wherever that is, so the file stays and is emptied. What is printed in the instant between is
 * lost.
 */
export async function rotateOutput(sandbox: string, bytesMax: number): Promise<void> {
  for (const name of outputNames) {
    const path = join(sandbox, name);
    const file = await openOutput(path);
    try {
      if (file === undefined || (await file.stat()).size <= bytesMax) continue;
      await copyTo(file, `${path}.1`);
      await file.truncate();
    } finally {
      await file?.close();
    }
  }
}

/** Copies an open file to one that is new, of the same owner. */
async function copyTo(file: FileHandle, path: string): Promise<void> {
  const { uid, gid, mode } = await file.stat();
  await rm(path, { recursive: true, force: true });
  const copy = await open(path, 'wx', mode);
  try {
    await copy.chown(uid, gid);
    for (let offset = 0; ;) {
      const piece = await readPiece(file, offset);
      if (piece.length === 0) return;
      await copy.writeFile(piece);
      offset += piece.length;
    }
  } finally {
    await copy.close();
  }
}
