import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { assert, reservedRole, type Resource } from '@meseta/model';
import type { VolumeChanges } from '../state/operation-record';
import { Turns } from '../turns';

/** Where a persistent volume's data is (R41). A role's slashes are spaces, as in Mesos; ids were checked to hold none. */
export function volumePath(workDir: string, { disk, reservations, ...rest }: Resource): string {
  const role = reservedRole({ disk, reservations, ...rest });
  const id = disk?.persistence?.id;
  assert(role !== undefined && id !== undefined, 'a persistent volume is reserved and has an id');
  const root = disk?.source?.root;
  const at = root === undefined ? workDir : isAbsolute(root) ? root : join(workDir, root);
  if (disk?.source?.type === 'MOUNT') return at;
  return join(at, 'volumes', 'roles', role.replaceAll('/', ' '), id);
}

/**
 * Makes and removes the directories of volumes.
 *
 * Synchronous, so that whatever is started after it finds them. What is removed is first moved out of the way, which is one call, and then
 * deleted in the background.
 *
 * A disk that is a volume as a whole has no place to move anything out of the way: it is emptied, and nobody may be told that it is before.
 *
 * @returns resolves when such disks are empty; undefined if there are none
 * @throws the file system's error; then what was made before it stays, and does no harm
 */
export function changeVolumes(
  workDir: string,
  { create, destroy }: VolumeChanges,
  onLeftover: (error: unknown) => void,
): Promise<void> | undefined {
  const emptied: Promise<void>[] = [];
  for (const volume of create) mkdirSync(volumePath(workDir, volume), { recursive: true, mode: 0o755 });
  for (const volume of destroy) {
    const path = volumePath(workDir, volume);
    if (volume.disk?.source?.type === 'MOUNT') {
      // A mounted disk stays; what is on it goes.
      emptied.push(emptying.take(path, () => deleteAll(path)));
      continue;
    }
    const trash = join(dirname(path), `.removed-${randomUUID()}`);
    try {
      renameSync(path, trash);
    } catch (error) {
      // Gone already, as after a restart between the removal and its record.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    rm(trash, { recursive: true, force: true }).catch(onLeftover);
  }
  return emptied.length === 0 ? undefined : Promise.all(emptied).then(() => undefined);
}

/** Makes the directories of volumes that a checkpoint names, as after the loss of a disk (G11). */
export function ensureVolumes(workDir: string, volumes: readonly Resource[]): void {
  for (const volume of volumes) mkdirSync(volumePath(workDir, volume), { recursive: true, mode: 0o755 });
}

/** Disks are emptied one time after the other, by their paths. */
const emptying = new Turns<string>();

/** Resolves when nothing is being deleted at any of these places: what is started there is to keep its files. */
export async function volumesSettled(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => emptying.take(path, () => Promise.resolve())));
}

async function deleteAll(path: string): Promise<void> {
  for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, force: true });
}
