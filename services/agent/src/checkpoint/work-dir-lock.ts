import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, unlink } from 'node:fs/promises';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { isAlive, statOf, type ProcessName } from '../runtime/process/proc';

/**
 * Makes sure that one agent at a time uses a work directory.
 *
 * The lock is a file that names its holder by pid and start time, so that one left by a killed agent is recognised even when its pid has been given
 * to another process. Node has no flock(2), which would be simpler.
 *
 * @returns what gives the lock back
 * @throws FailureError of kind `conflict` when another agent holds it
 */
export async function lockWorkDir(path: string, workDir: string): Promise<() => Promise<void>> {
  const own = statOf(process.pid);
  if (own === undefined)
    throw new FailureError(failure('bug', 'the agent cannot read its own entry in /proc'));
  const text = `${process.pid} ${own.startTime} ${randomUUID()}\n`;
  for (let tries = 0; tries < 10; tries++) {
    if (await createWith(path, text)) return () => unlink(path).catch(() => undefined);
    const held = await readFile(path, 'utf8').catch(() => '');
    const holder = holderOf(held);
    if (holder !== undefined && isAlive(holder)) {
      throw new FailureError(
        failure(
          'conflict',
          `work directory ${workDir} is in use by another agent, process ${holder.pid} (--work-dir)`,
        ),
      );
    }
    await removeStale(path, held);
  }
  throw new FailureError(
    failure('conflict', `work directory ${workDir} is in use by another agent that is starting (--work-dir)`),
  );
}

async function createWith(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(text);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Two agents may find the same stale lock: whoever moves away a lock that is not that one puts it back. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== stale) await link(aside, path);
    await unlink(aside);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  }
}

function holderOf(text: string): ProcessName | undefined {
  const [pid, startTime] = text.split(' ').map(Number);
  return pid === undefined || startTime === undefined || !(pid > 0) ? undefined : { pid, startTime };
}
