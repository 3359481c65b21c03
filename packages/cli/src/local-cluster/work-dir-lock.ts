import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';

/**
 * Takes a work directory for this process; returns how to give it back. Two clusters in one directory would write over
 * each other. A lock whose process is gone is taken over.
 */
export function lockWorkDir(workDir: string): () => void {
  const path = join(workDir, 'up.pid');
  const holder = readHolder(path);
  if (holder !== undefined && holder !== process.pid && isAlive(holder)) {
    throw new FailureError(
      failure(
        'conflict',
        `a cluster runs in ${workDir} already (process ${holder}); stop it or give --work-dir`,
      ),
    );
  }
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FailureError(failure('denied', `--work-dir: ${why}`));
  }
  return () => rmSync(path, { force: true });
}

function readHolder(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It lives, and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
