import { lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Where a path leads when its links are followed: into a folder, elsewhere, or by a link that leads nowhere, through which something could be made anywhere. */
export type Way = 'inside' | 'outside' | 'nowhere';

/** Where a path leads, or the nearest folder above it that there is. What was fetched into a sandbox may hold links. */
export function wayOf(path: string, folder: string): Way {
  const nearest = existing(path);
  if (statSync(nearest, { throwIfNoEntry: false }) === undefined) return 'nowhere';
  return isInside(realpathSync(nearest), realpathSync(folder)) ? 'inside' : 'outside';
}

/** Whether a path lies in a folder, or is it. Both as they are, without links. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith('../');
}

/** The first link on the way to a place in a folder, the place itself with it; undefined if there is none. Whoever writes there writes elsewhere. */
export function linkOnWay(folder: string, place: string): string | undefined {
  let path = folder;
  for (const part of place.split('/').filter((part) => part !== '' && part !== '.')) {
    path = join(path, part);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    if (found.isSymbolicLink()) return relative(folder, path);
  }
  return undefined;
}

/**
 * Makes a folder of a sandbox, unless there is something already. Whoever wants it first makes it for all.
 *
 * @returns what was made: the folder, and those above it that were not there either
 */
export function makeFolder(path: string): readonly string[] {
  const above = existing(path);
  if (above === path) return [];
  mkdirSync(path, { recursive: true, mode: 0o777 });
  const made: string[] = [];
  for (let next = path; next !== above; next = dirname(next)) made.push(next);
  return made;
}

/** The nearest that is there. A link that leads nowhere is there. */
function existing(path: string): string {
  for (let next = path; ; next = dirname(next))
    if (next === dirname(next) || lstatSync(next, { throwIfNoEntry: false }) !== undefined) return next;
}
