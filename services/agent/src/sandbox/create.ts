import { randomUUID } from 'node:crypto';
import { mkdir, readlink, rename, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { latestName } from './paths';

/** Makes a sandbox and points `latest` at it. */
export async function createSandbox(sandbox: string): Promise<void> {
  await mkdir(sandbox, { recursive: true, mode: 0o755 });
  await pointAt(join(dirname(sandbox), latestName), basename(sandbox));
}

/** Makes the sandbox of a task of a group within its executor's, with a link that has the task's name (E50). */
export async function createMemberSandbox(
  executorSandbox: string,
  sandbox: string,
  taskId: string,
): Promise<void> {
  await createSandbox(executorSandbox);
  await mkdir(sandbox, { recursive: true, mode: 0o755 });
  await pointAt(join(executorSandbox, 'tasks', taskId), join('..', 'containers', basename(sandbox)));
}

/** Makes a link by which an executor's task finds its sandbox. */
export async function linkTask(link: string, sandbox: string): Promise<void> {
  await pointAt(link, relative(dirname(link), sandbox));
}

async function pointAt(link: string, target: string): Promise<void> {
  try {
    await mkdir(dirname(link), { recursive: true, mode: 0o755 });
    await symlink(target, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Of the tasks of a group one was first.
    if ((await readlink(link)) === target) return;
    // A link cannot be changed: a new one is put in its place.
    const next = join(dirname(link), `.${basename(link)}.${randomUUID()}`);
    await symlink(target, next);
    await rename(next, link);
  }
}
