import { mkdir, rename, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { latestName } from './paths';

/** Makes a sandbox and points `latest` at it. */
export async function createSandbox(sandbox: string): Promise<void> {
  await mkdir(sandbox, { recursive: true, mode: 0o755 });
  const name = basename(sandbox);
  const latest = join(dirname(sandbox), latestName);
  try {
    await symlink(name, latest);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // A link cannot be changed: a new one is put in its place.
    const next = join(dirname(sandbox), `.${name}`);
    await symlink(name, next);
    await rename(next, latest);
  }
}
