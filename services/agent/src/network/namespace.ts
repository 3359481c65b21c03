import { execFile } from 'node:child_process';
import { mkdir, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { isMountPoint } from '../runtime/process/mounts';

const exec = promisify(execFile);

/** The programs of util-linux by which a network namespace is kept. */
export interface NamespacePrograms {
  readonly unshare: string;
  readonly umount: string;
}

/** Makes a network namespace that stays without a process: a file on which it is mounted. */
export async function createNamespace({ unshare }: NamespacePrograms, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, '');
  await exec(unshare, [`--net=${path}`, '/bin/true'], { timeout: 10_000 });
}

/** Lets go of a namespace; one that is gone already is no error. Where a task's own view of mounts holds it too, it goes there with the file. */
export async function removeNamespace({ umount }: NamespacePrograms, path: string): Promise<void> {
  if (await isMountPoint(path)) await exec(umount, ['--lazy', path], { timeout: 10_000 });
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
