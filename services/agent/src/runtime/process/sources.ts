import { lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { machine, type ContainerMount, type ContainerSpec } from '../container-runtime';

/**
 * Looks where the mounts of a container come from, right before they are made: what was fetched into a sandbox may hold links, and a path of the machine may lead to
 * other sandboxes.
 *
 * @param own what no task may see: paths of the agent's own; empty where tasks see the machine as it is
 * @returns the container with the places that its mounts really are
 * @throws FailureError `denied` for one that leads elsewhere
 */
export function withSources(spec: ContainerSpec, own: readonly string[]): ContainerSpec {
  if (spec.mounts.every(({ within }) => within === undefined)) return spec;
  return { ...spec, mounts: spec.mounts.map((mount) => withSource(mount, own)) };
}

function withSource(mount: ContainerMount, own: readonly string[]): ContainerMount {
  const { source, target, within } = mount;
  if (within === undefined) return mount;
  const refuse = (rule: string): FailureError =>
    new FailureError(failure('denied', `volume ${target}: ${rule}`, { field: 'container.volumes' }));
  if (within !== machine) {
    if (!canBeFollowed(existing(source))) throw refuse('its source is a link that leads nowhere');
    if (!lies(realpathSync(existing(source)), realpathSync(within)))
      throw refuse('its source must lie in the sandbox');
    // What is of a sandbox is made for whoever wants it first.
    mkdirSync(source, { recursive: true, mode: 0o777 });
    return { ...mount, source: real(source) };
  }
  const found = real(source);
  if (own.length > 0 && !mount.readOnly && kernel.some((path) => lies(found, path)))
    throw refuse(`'${source}' is the kernel's: the mode must be RO`);
  for (const path of own) {
    const hidden = real(path);
    if (lies(found, hidden) || lies(hidden, found))
      throw refuse(`'${source}' reaches what is the agent's own`);
  }
  return { ...mount, source: found };
}

/** Where the machine itself is changed by writing. */
const kernel: readonly string[] = ['/proc', '/sys', '/dev'];

/** The nearest folder that is there. A link that leads nowhere is there, and cannot be followed. */
function existing(path: string): string {
  for (let next = path; ; next = dirname(next))
    if (next === dirname(next) || lstatSync(next, { throwIfNoEntry: false }) !== undefined) return next;
}

function canBeFollowed(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Links followed; a path that is not there is left to mount(8), which says so. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function lies(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith('../');
}
