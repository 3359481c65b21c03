import { lstat, readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { makeDevice } from '../runtime/process/device-file';

/** Before the name of what a layer takes away of the layers below it. */
const prefix = '.wh.';
/** In a folder of which a layer takes away all that is below it. */
const opaqueName = '.wh..wh..opq';

/**
 * Turns what a layer takes away of those below it into what overlayfs knows, device 0/0; of a folder that it takes away whole, for each of the names
 * that are below.
 *
 * @param below the folders of the layers below, in any order
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
 */
export async function convertWhiteouts(folder: string, below: readonly string[]): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.startsWith(prefix)) continue;
    const parent = entry.parentPath;
    await rm(join(parent, entry.name), { recursive: true, force: true });
    if (entry.name === opaqueName) await coverAll(folder, parent, below);
    // Others of that kind are notes of a file system that wrote the layer.
    else if (!entry.name.startsWith(`${prefix}${prefix}`))
      await cover(join(parent, entry.name.slice(prefix.length)));
  }
}

/** What the layer itself has in a place stays; of its folders there, too, nothing that is below is seen. */
async function coverAll(folder: string, parent: string, below: readonly string[]): Promise<void> {
  const place = relative(folder, parent);
  const names = new Set<string>();
  for (const layer of below)
    for (const name of await readdir(join(layer, place)).catch(() => [])) names.add(name);
  for (const name of names) {
    const path = join(parent, name);
    if ((await lstat(path).catch(() => undefined))?.isDirectory() === true)
      await coverAll(folder, path, below);
    else await cover(path);
  }
}

async function cover(path: string): Promise<void> {
  if ((await lstat(path).catch(() => undefined)) === undefined) await makeDevice(path, 0, 0);
}
