import { copyFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Moves what a task has printed aside when it has become long, and begins anew; one older piece is kept, as `stdout.1` and `stderr.1`.
 *
 * The task holds its file open and writes at its end wherever that is, so the file stays and is emptied. What is printed in the instant between is
 * lost.
 */
export async function rotateOutput(sandbox: string, bytesMax: number): Promise<void> {
  for (const name of ['stdout', 'stderr']) {
    const path = join(sandbox, name);
    const { size } = await stat(path).catch(() => ({ size: 0 }));
    if (size <= bytesMax) continue;
    await copyFile(path, `${path}.1`);
    await truncate(path);
  }
}
