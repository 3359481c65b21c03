import { constants, lstatSync } from 'node:fs';
import { open, readlink, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** A task's outputs, in its sandbox. */
export const outputNames = ['stdout', 'stderr'] as const;

// A task may put anything in the place of its files, at any moment: a link to a file that only the agent may read, or a pipe on which an open never returns. So a file is
// opened first and looked at then.

/**
 * Opens a file to read it.
 *
 * @param path where it was found, links followed: what has become a link since is not
 * @param name how people call it
 * @throws FailureError `denied` for such a one, `invalid` for what is no file; the file system's error for one that is not there any more
 */
export async function openFound(path: string, name: string): Promise<FileHandle> {
  const refuse = (kind: 'denied' | 'invalid', rule: string): FailureError =>
    new FailureError(failure(kind, `path '${name}' must ${rule}`, { field: 'path' }));
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if ((await readlink(`/proc/self/fd/${file.fd}`)) !== path) throw refuse('denied', 'lie in the sandbox');
    if (!(await file.stat()).isFile()) throw refuse('invalid', 'be a file');
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Opens an output to read and to empty it; undefined where there is none, or something else in its place. */
export async function openOutput(path: string): Promise<FileHandle | undefined> {
  const file = await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined);
  if (file === undefined || (await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}

/** Opens an output to append to it. What is there instead of a file goes. */
export async function appendToOutput(path: string): Promise<FileHandle> {
  await clearOutput(path);
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
}

/** Removes what is in the place of a task's outputs and no file, as a link that was fetched: whoever opens them next may be mightier than the task. */
export async function clearOutputs(sandbox: string): Promise<void> {
  for (const name of outputNames) await clearOutput(join(sandbox, name));
}

async function clearOutput(path: string): Promise<void> {
  // At once, as it is asked at each start.
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) await rm(path, { recursive: true, force: true });
}
