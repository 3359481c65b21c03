import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { failure, isFailure, type ContainerId } from '@meseta/model';
import { FailureError, type Logger } from '@meseta/kit';
import { DeviceFolders } from './device-folders';
import { DeviceGroups } from './device-groups';
import type { Gpu } from './gpu';

export interface GpuKeeperOptions {
  /** All gpus of the machine, whoever may have them. */
  readonly gpus: readonly Gpu[];
  /** Where the machine has its device files. */
  readonly devices: string;
  /** Where each container gets a folder. */
  readonly directory: string;
  /** The folder of harmless devices; unset where containers see the machine's own. */
  readonly base: string | undefined;
  readonly agentName: string;
  readonly log: Logger;
}

/** Sees to it that a container of the process runtime can use its own gpus and no others. */
export class GpuKeeper {
  private constructor(
    private readonly directory: string,
    private readonly folders: DeviceFolders | undefined,
    private readonly groups: DeviceGroups | undefined,
  ) {}

  static async create({
    gpus,
    devices,
    directory,
    base,
    agentName,
    log,
  }: GpuKeeperOptions): Promise<GpuKeeper> {
    const folders =
      base === undefined
        ? failure('denied', 'tasks are not isolated')
        : await DeviceFolders.make(base, join(base, '..', 'dev-gpus'), gpus, devices);
    if (isFailure(folders)) log.warn(`no task of the runtime process can have gpus: ${folders.message}`);
    const groups = await DeviceGroups.detect(agentName, gpus);
    if (groups === undefined)
      log.info('gpus are kept apart by their files only: there is no controller of devices to write to');
    return new GpuKeeper(directory, isFailure(folders) ? undefined : folders, groups);
  }

  /**
   * Makes a container's own /dev.
   *
   * @param gpus those that it may use, by their ids
   * @returns its folder; undefined where it sees the machine's
   * @throws FailureError where it is to have gpus and they cannot be kept from others
   */
  deviceFolder(containerId: ContainerId, gpus: readonly string[]): string | undefined {
    if (this.folders === undefined) {
      if (gpus.length === 0) return undefined;
      throw new FailureError(
        failure('denied', 'gpus need an agent that isolates tasks (--isolate-processes)', {
          field: 'resources',
        }),
      );
    }
    this.folders.fill(this.folderOf(containerId), gpus);
    return this.folderOf(containerId);
  }

  /** Makes a container's group. @returns the files to which a process writes `0` to join it */
  create(containerId: ContainerId, gpus: readonly string[]): readonly string[] {
    return this.groups === undefined ? [] : [this.groups.create(containerId, gpus)];
  }

  joins(containerId: ContainerId): readonly string[] {
    return this.groups?.has(containerId) === true ? [this.groups.join(containerId)] : [];
  }

  /** The container may use other gpus from now on; it sees them at once. */
  update(containerId: ContainerId, gpus: readonly string[]): void {
    // A container that is older than the agent's gpus has neither.
    if (existsSync(this.folderOf(containerId))) this.folders?.fill(this.folderOf(containerId), gpus);
    if (this.groups?.has(containerId) === true) this.groups.update(containerId, gpus);
  }

  remove(containerId: ContainerId): void {
    this.folders?.remove(this.folderOf(containerId));
    this.groups?.remove(containerId);
  }

  leave(): void {
    this.groups?.leave();
  }

  private folderOf(containerId: ContainerId): string {
    return join(this.directory, `${containerId}.dev`);
  }
}
