import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerId } from '@meseta/model';
import { cgroupRoot } from '../runtime/cgroups/detect';
import { makeGroup, removeGroup, writeGroupFile } from '../runtime/cgroups/files';
import type { Gpu } from './gpu';

/**
 * The controller of devices of control groups of version 1: it keeps a container from the gpus of others even if the container can make device files.
 *
 * Version 2 has no files for it: there, that a container finds no file of another's gpu, and may not make one, is all.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/devices.html
 */
export class DeviceGroups {
  private constructor(
    private readonly parent: string,
    private readonly gpus: readonly Gpu[],
  ) {}

  /** @returns undefined where the controller cannot be written to */
  static async detect(
    agentName: string,
    gpus: readonly Gpu[],
    root = cgroupRoot,
  ): Promise<DeviceGroups | undefined> {
    const hierarchy = join(root, 'devices');
    try {
      await access(join(hierarchy, 'devices.deny'), constants.W_OK);
      const parent = join(hierarchy, 'meseta', agentName);
      makeGroup(parent);
      return new DeviceGroups(parent, gpus);
    } catch {
      return undefined;
    }
  }

  /** Makes a container's group. @returns the file to which a process writes `0` to join it */
  create(containerId: ContainerId, allowed: readonly string[]): string {
    makeGroup(this.groupOf(containerId));
    this.update(containerId, allowed);
    return this.join(containerId);
  }

  has(containerId: ContainerId): boolean {
    return existsSync(this.groupOf(containerId));
  }

  join(containerId: ContainerId): string {
    return join(this.groupOf(containerId), 'tasks');
  }

  /** @param allowed the gpus that the container may use, by their ids; the others of the machine it may not */
  update(containerId: ContainerId, allowed: readonly string[]): void {
    for (const { id, major, minor } of this.gpus) {
      const file = allowed.includes(id) ? 'devices.allow' : 'devices.deny';
      writeGroupFile(join(this.groupOf(containerId), file), `c ${major}:${minor} rwm`);
    }
  }

  remove(containerId: ContainerId): void {
    removeGroup(this.groupOf(containerId));
  }

  /** Removes the agent's own group, unless something is in it. */
  leave(): void {
    removeGroup(this.parent);
  }

  private groupOf(containerId: ContainerId): string {
    return join(this.parent, containerId);
  }
}
