import { isFailure, type ContainerId, type Resource as ModelResource } from '@meseta/model';
import { resourcesFromProto, type Resource } from '@meseta/protocol';
import { volumePath } from '../effects/volumes';
import { volumesOf } from '../state/operations';
import { diskLimitOf, sandboxUseOf, useOf } from './disk-use';

/** What is used of something that has a bound. Bytes. */
export interface DiskUse {
  readonly usedBytes: number;
  /** Unset without a bound. */
  readonly limitBytes: number | undefined;
}

/** What a container uses of disks, as it was found last. */
export interface ContainerDiskUse {
  readonly sandbox: DiskUse;
  /** Its persistent volumes, each with a bound of its own: its size (G57). */
  readonly volumes: readonly (DiskUse & { readonly volume: ModelResource })[];
}

/** What containers use of disks: found out now and then, since it takes long, and told when somebody asks. */
export class DiskUses {
  private readonly uses = new Map<ContainerId, ContainerDiskUse>();

  constructor(private readonly workDir: string) {}

  of(containerId: ContainerId): ContainerDiskUse | undefined {
    return this.uses.get(containerId);
  }

  /**
   * Finds out what a container uses; undefined where that cannot be said now.
   *
   * @param onlyBounded leaves out one that has no bound: its files need not be counted
   */
  async measure(
    containerId: ContainerId,
    sandbox: string,
    given: readonly Resource[],
    onlyBounded: boolean,
  ): Promise<ContainerDiskUse | undefined> {
    const resources = resourcesFromProto(given);
    if (isFailure(resources)) return undefined;
    const limitBytes = diskLimitOf(resources);
    const persistent = volumesOf(resources);
    if (onlyBounded && limitBytes === undefined && persistent.length === 0) return undefined;
    const usedBytes = await sandboxUseOf(sandbox);
    if (usedBytes === undefined) return undefined;
    const volumes: (DiskUse & { readonly volume: ModelResource })[] = [];
    for (const volume of persistent) {
      const used = await useOf([volumePath(this.workDir, volume)]);
      if (used !== undefined) volumes.push({ volume, usedBytes: used, limitBytes: sizeOf(volume) });
    }
    const use = { sandbox: { usedBytes, limitBytes }, volumes };
    this.uses.set(containerId, use);
    return use;
  }

  /** Forgets what ended containers used. */
  keepOnly(live: ReadonlySet<ContainerId>): void {
    for (const containerId of this.uses.keys()) if (!live.has(containerId)) this.uses.delete(containerId);
  }
}

/** The use that is past its bound, if one is: what of it, and in which words. */
export function passedOf({
  sandbox,
  volumes,
}: ContainerDiskUse): (DiskUse & { readonly what: string }) | undefined {
  const all = [
    { ...sandbox, what: 'Disk limit exceeded' },
    ...volumes.map((use) => ({
      ...use,
      what: `Disk limit of volume '${use.volume.disk?.persistence?.id ?? ''}' exceeded`,
    })),
  ];
  return all.find(({ usedBytes, limitBytes }) => limitBytes !== undefined && usedBytes > limitBytes);
}

function sizeOf({ value }: ModelResource): number | undefined {
  return value.kind === 'scalar' ? (value.milli / 1000) * 1024 * 1024 : undefined;
}
