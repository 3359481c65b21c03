import { join } from 'node:path';
import { containerId as asContainerId, type ContainerId } from '@meseta/model';
import type { ContainerLimits, ContainerUsage } from '../container-runtime';
import type { Cgroups } from './cgroups';
import { quotaPeriodUs, quotaUsOf, sharesOf } from './cgroups';
import { fieldOf, groupsIn, makeGroup, parsePids, readGroupFile, removeGroup, writeGroupFile } from './files';

/**
 * Control groups of version 2: one hierarchy for all controllers.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export class CgroupsV2 implements Cgroups {
  constructor(
    /** The agent's own group, whose `cgroup.subtree_control` has cpu and memory. */
    private readonly parent: string,
  ) {}

  async create(containerId: ContainerId, limits: ContainerLimits): Promise<readonly string[]> {
    const group = join(this.parent, containerId);
    await makeGroup(group);
    await writeGroupFile(join(group, 'cpu.weight'), weightOf(sharesOf(limits.cpuMilli)));
    if (limits.cpuQuotaMilli !== undefined) {
      await writeGroupFile(join(group, 'cpu.max'), `${quotaUsOf(limits.cpuQuotaMilli)} ${quotaPeriodUs}`);
    }
    if (limits.memoryBytes !== undefined) {
      await writeGroupFile(join(group, 'memory.max'), limits.memoryBytes);
      const swap = join(group, 'memory.swap.max');
      if ((await readGroupFile(swap)) !== undefined) await writeGroupFile(swap, 0);
    }
    return [join(group, 'cgroup.procs')];
  }

  async pidsOf(containerId: ContainerId): Promise<readonly number[]> {
    return parsePids(await readGroupFile(join(this.parent, containerId, 'cgroup.procs')));
  }

  async outOfMemory(containerId: ContainerId): Promise<{ readonly limitBytes: number } | undefined> {
    const group = join(this.parent, containerId);
    const kills = fieldOf(await readGroupFile(join(group, 'memory.events')), 'oom_kill') ?? 0;
    return kills === 0 ? undefined : { limitBytes: Number(await readGroupFile(join(group, 'memory.max'))) };
  }

  async usage(containerId: ContainerId): Promise<ContainerUsage | undefined> {
    const group = join(this.parent, containerId);
    const memory = await readGroupFile(join(group, 'memory.current'));
    if (memory === undefined) return undefined;
    const cpuUs = fieldOf(await readGroupFile(join(group, 'cpu.stat')), 'usage_usec');
    return {
      memoryBytes: Number(memory),
      ...(cpuUs !== undefined && { cpuSeconds: cpuUs / 1e6 }),
      processes: (await this.pidsOf(containerId)).length,
    };
  }

  remove(containerId: ContainerId): Promise<boolean> {
    return removeGroup(join(this.parent, containerId));
  }

  async list(): Promise<readonly ContainerId[]> {
    return (await groupsIn(this.parent)).map(asContainerId);
  }

  async leave(): Promise<void> {
    await removeGroup(this.parent);
  }
}

/** The conversion that the kernel documents and that systemd and runc use: shares 2 to 262144 onto weights 1 to 10000. */
function weightOf(shares: number): number {
  return Math.min(10_000, Math.max(1, Math.round(1 + ((shares - 2) * 9999) / 262142)));
}
