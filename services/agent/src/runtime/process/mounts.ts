import { constants } from 'node:fs';
import { mkdir, open, readFile, realpath, stat, symlink, unlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { linkOnWay } from '../../sandbox/links';
import type { ContainerMount, ContainerSpec } from '../container-runtime';

/** Whether something is mounted at a path, as proc(5) says in `mountinfo`. */
export async function isMountPoint(path: string): Promise<boolean> {
  const place = escapeSpace(path);
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return mounts.split('\n').some((line) => line.split(' ')[4] === place);
}

/** White space and backslashes as numbers, as getmntent(3) reads them. */
export function escapeSpace(text: string): string {
  return text.replace(/[\s\\]/g, octal);
}

/** One character as fstab(5) and the kernel write it where it would mean something else. */
export function octal(character: string): string {
  return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
}

/** Puts links to what a task wants to find into its sandbox, where nothing can be mounted. */
export async function linkMounts(spec: ContainerSpec): Promise<void> {
  for (const mount of spec.mounts) {
    const target = targetInSandbox(spec.sandbox, mount);
    refuseLinks(spec.sandbox, dirname(mount.target), mount.target);
    await mkdir(dirname(target), { recursive: true });
    // Left over from a run of the same sandbox that did not get further.
    await unlink(target).catch(() => undefined);
    await symlink(mount.source, target);
  }
}

/**
 * Makes empty files where files are to be mounted: mount(8) itself makes directories only.
 *
 * @param over where the task's changes of its image are; unset for a task without an image, whose absolute targets must be there
 */
export async function makeFileTargets(spec: ContainerSpec, over: string | undefined): Promise<void> {
  for (const mount of spec.mounts) {
    const outside = isAbsolute(mount.target);
    if (!outside) refuseLinks(spec.sandbox, mount.target, mount.target);
    if ((outside && over === undefined) || mount.image !== undefined) continue;
    if ((await stat(mount.source)).isDirectory()) continue;
    const root = outside && over !== undefined ? join(over, 'upper') : spec.sandbox;
    const target = outside ? join(root, mount.target) : targetInSandbox(root, mount);
    await mkdir(dirname(target), { recursive: true });
    const place = relative(await realpath(root), await realpath(dirname(target)));
    if (place === '..' || place.startsWith('../')) throw outsideError(mount.target);
    await (await open(target, constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600)).close();
  }
}

/** @throws FailureError for a place that is reached by a link: what was fetched into a sandbox may be one that leads out of it */
function refuseLinks(sandbox: string, way: string, target: string): void {
  if (linkOnWay(sandbox, way) !== undefined) throw outsideError(target);
}

/** @throws FailureError for a place outside the sandbox: there a link would show to every task of the machine */
function targetInSandbox(sandbox: string, { target }: ContainerMount): string {
  const path = join(sandbox, target);
  const way = relative(sandbox, path);
  if (!isAbsolute(target) && way !== '' && way !== '..' && !way.startsWith('../')) return path;
  throw outsideError(target);
}

function outsideError(target: string): FailureError {
  return new FailureError(
    failure('denied', `container_path '${target}' must lie in the sandbox`, { field: 'container_path' }),
  );
}
