import { realpathSync } from 'node:fs';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { isInside, makeFolder, wayOf } from '../../sandbox/links';
import { machine, type ContainerMount, type ContainerSpec } from '../container-runtime';

/**
 * Looks where the mounts of a container come from, right before they are made: what was fetched into a sandbox may hold links, and a path of the machine may lead to
 * other sandboxes.
 *
 * @param own what no task may see: paths of the agent's own; empty where tasks see the machine as it is
 * @param onMade told of folders that were made for it, and are nobody's yet
 * @returns the container with the places that its mounts really are
 * @throws FailureError `denied` for one that leads elsewhere
 */
export function withSources(
  spec: ContainerSpec,
  own: readonly string[],
  onMade: (path: string) => void,
): ContainerSpec {
  if (spec.mounts.every(({ within }) => within === undefined)) return spec;
  return { ...spec, mounts: spec.mounts.map((mount) => withSource(mount, own, onMade)) };
}

function withSource(
  mount: ContainerMount,
  own: readonly string[],
  onMade: (path: string) => void,
): ContainerMount {
  const { source, target, within } = mount;
  if (within === undefined) return mount;
  const refuse = (rule: string): FailureError =>
    new FailureError(failure('denied', `volume ${target}: ${rule}`, { field: 'container.volumes' }));
  if (within !== machine) {
    const way = wayOf(source, within);
    if (way === 'nowhere') throw refuse('its source is a link that leads nowhere');
    if (way === 'outside') throw refuse('its source must lie in the sandbox');
    for (const path of makeFolder(source)) onMade(path);
    return { ...mount, source: real(source) };
  }
  const found = real(source);
  if (own.length > 0 && !mount.readOnly && kernel.some((path) => isInside(found, path)))
    throw refuse(`'${source}' is the kernel's: the mode must be RO`);
  for (const path of own) {
    const hidden = real(path);
    if (isInside(found, hidden) || isInside(hidden, found))
      throw refuse(`'${source}' reaches what is the agent's own`);
  }
  return { ...mount, source: found };
}

/** Where the machine itself is changed by writing. */
const kernel: readonly string[] = ['/proc', '/sys', '/dev'];

/** Links followed; a path that is not there is left to mount(8), which says so. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
