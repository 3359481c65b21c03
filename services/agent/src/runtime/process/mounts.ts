import { mkdir, symlink, unlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { ContainerMount, ContainerSpec } from '../container-runtime';

/** Puts links to what a task wants to find into its sandbox, where nothing can be mounted. */
export async function linkMounts(spec: ContainerSpec): Promise<void> {
  for (const mount of spec.mounts) {
    const target = targetInSandbox(spec.sandbox, mount);
    await mkdir(dirname(target), { recursive: true });
    // Left over from a run of the same sandbox that did not get further.
    await unlink(target).catch(() => undefined);
    await symlink(mount.source, target);
  }
}

/** @throws FailureError for a place outside the sandbox: there a link would show to every task of the machine */
function targetInSandbox(sandbox: string, { target }: ContainerMount): string {
  const path = join(sandbox, target);
  const way = relative(sandbox, path);
  if (!isAbsolute(target) && way !== '' && way !== '..' && !way.startsWith('../')) return path;
  throw new FailureError(
    failure('denied', `container_path '${target}' must lie in the sandbox`, {
      field: 'container_path',
    }),
  );
}
