import { linkSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { lstat, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, type Failure } from '@meseta/model';
import { lastLineOf } from '../last-line';
import { makeDevice } from '../runtime/process/device-file';
import { majorOf, minorOf } from './device-numbers';
import type { Gpu } from './gpu';

/** Devices of the driver that every task with a gpu needs, and that are no gpu. */
const sharedNames = ['nvidiactl', 'nvidia-uvm', 'nvidia-uvm-tools', 'nvidia-modeset'];

/**
 * The /dev of each container on a machine with gpus: harmless devices, and the gpus that are the container's.
 *
 * Device files are made once, when the agent starts, and linked from there: a link is made in microseconds, and one that comes or goes later is seen in the
 * container at once.
 */
export class DeviceFolders {
  private constructor(
    /** Harmless devices, as a container without gpus sees them. */
    private readonly base: string,
    /** Those of gpus, by the names that they have in /dev. */
    private readonly gpus: string,
    private readonly names: ReadonlyMap<string, string>,
    private readonly shared: readonly string[],
  ) {}

  /**
   * Makes the files to link from.
   *
   * @param base the folder of harmless devices
   * @param folder the folder to be made, on the same file system
   * @param devices where the machine has its device files
   */
  static async make(
    base: string,
    folder: string,
    gpus: readonly Gpu[],
    devices: string,
  ): Promise<DeviceFolders | Failure> {
    try {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o755 });
      const make = async (name: string): Promise<void> => {
        const { rdev } = await stat(join(devices, name));
        await makeDevice(join(folder, name), majorOf(rdev), minorOf(rdev));
      };
      const names = new Map(gpus.map(({ id, path }) => [id, path.slice(path.lastIndexOf('/') + 1)]));
      for (const name of names.values()) await make(name);
      const shared: string[] = [];
      for (const name of sharedNames) {
        if (!(await isDevice(join(devices, name)))) continue;
        await make(name);
        shared.push(name);
      }
      return new DeviceFolders(base, folder, names, shared);
    } catch (error) {
      const why = error instanceof Error ? lastLineOf(error.message) : String(error);
      return failure('denied', `device files of gpus cannot be made: ${why}`);
    }
  }

  /** Makes a container's folder, or changes what is in it. @param gpus by their ids */
  fill(folder: string, gpus: readonly string[]): void {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const wanted = new Set(gpus.flatMap((id) => this.names.get(id) ?? []));
    if (wanted.size > 0) for (const name of this.shared) wanted.add(name);
    const there = new Set(readdirSync(folder));
    for (const name of there)
      if (name.startsWith('nvidia') && !wanted.has(name)) unlinkSync(join(folder, name));
    for (const name of wanted) if (!there.has(name)) linkSync(join(this.gpus, name), join(folder, name));
    for (const entry of readdirSync(this.base, { withFileTypes: true })) {
      if (there.has(entry.name)) continue;
      const [from, to] = [join(this.base, entry.name), join(folder, entry.name)];
      if (entry.isDirectory()) mkdirSync(to, { mode: 0o755 });
      else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
      else linkSync(from, to);
    }
  }

  remove(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function isDevice(path: string): Promise<boolean> {
  return lstat(path).then(
    (file) => file.isCharacterDevice(),
    () => false,
  );
}
