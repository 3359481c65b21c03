import { join } from 'node:path';
import { containerId as asContainerId, type ContainerId } from '@meseta/model';
import type { ContainerLimits, ContainerUsage } from '../container-runtime';
import type { Cgroups } from './cgroups';
import { quotaPeriodUs, quotaUsOf, sharesOf } from './cgroups';
import { fieldOf, groupsIn, makeGroup, parsePids, readGroupFile, removeGroup, writeGroupFile } from './files';

/**
 * Control groups of version 1: one hierarchy for each controller.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/index.html
 */
export class CgroupsV1 implements Cgroups {
  constructor(
    /** The agent's own group in the hierarchy of each controller that may be written to. */
    private readonly parents: { readonly cpu?: string; readonly memory?: string },
  ) {}

  async create(containerId: ContainerId, limits: ContainerLimits): Promise<readonly string[]> {
    const joins: string[] = [];
    const { cpu, memory } = this.parents;
    if (cpu !== undefined) {
      const group = join(cpu, containerId);
      await makeGroup(group);
      await writeGroupFile(join(group, 'cpu.shares'), sharesOf(limits.cpuMilli));
      if (limits.cpuQuotaMilli !== undefined) {
        await writeGroupFile(join(group, 'cpu.cfs_period_us'), quotaPeriodUs);
        await writeGroupFile(join(group, 'cpu.cfs_quota_us'), quotaUsOf(limits.cpuQuotaMilli));
      }
      joins.push(join(group, 'cgroup.procs'));
    }
    if (memory !== undefined) {
      const group = join(memory, containerId);
      await makeGroup(group);
      if (limits.memoryBytes !== undefined) await limitMemory(group, limits.memoryBytes);
      joins.push(join(group, 'cgroup.procs'));
    }
    return joins;
  }

  async pidsOf(containerId: ContainerId): Promise<readonly number[]> {
    const parent = this.parents.memory ?? this.parents.cpu;
    return parent === undefined
      ? []
      : parsePids(await readGroupFile(join(parent, containerId, 'cgroup.procs')));
  }

  async outOfMemory(containerId: ContainerId): Promise<{ readonly limitBytes: number } | undefined> {
    if (this.parents.memory === undefined) return undefined;
    const group = join(this.parents.memory, containerId);
    const kills = fieldOf(await readGroupFile(join(group, 'memory.oom_control')), 'oom_kill') ?? 0;
    return kills === 0
      ? undefined
      : { limitBytes: Number(await readGroupFile(join(group, 'memory.limit_in_bytes'))) };
  }

  async usage(containerId: ContainerId): Promise<ContainerUsage | undefined> {
    if (this.parents.memory === undefined) return undefined;
    const bytes = await readGroupFile(join(this.parents.memory, containerId, 'memory.usage_in_bytes'));
    return bytes === undefined
      ? undefined
      : { memoryBytes: Number(bytes), processes: (await this.pidsOf(containerId)).length };
  }

  async remove(containerId: ContainerId): Promise<boolean> {
    let gone = true;
    for (const parent of [this.parents.cpu, this.parents.memory]) {
      if (parent !== undefined && !(await removeGroup(join(parent, containerId)))) gone = false;
    }
    return gone;
  }

  async list(): Promise<readonly ContainerId[]> {
    const names = new Set<string>();
    for (const parent of [this.parents.cpu, this.parents.memory]) {
      if (parent !== undefined) for (const name of await groupsIn(parent)) names.add(name);
    }
    return [...names].map(asContainerId);
  }

  async leave(): Promise<void> {
    for (const parent of [this.parents.cpu, this.parents.memory])
      if (parent !== undefined) await removeGroup(parent);
  }
}

/** Swap counts as memory where the kernel counts it: a limit that lets a task swap instead is none. */
async function limitMemory(group: string, bytes: number): Promise<void> {
  await writeGroupFile(join(group, 'memory.limit_in_bytes'), bytes);
  const withSwap = join(group, 'memory.memsw.limit_in_bytes');
  if ((await readGroupFile(withSwap)) !== undefined) await writeGroupFile(withSwap, bytes);
}
