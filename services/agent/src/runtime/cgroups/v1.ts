import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerId } from '@meseta/model';
import type { ContainerLimits, ContainerUsage } from '../container-runtime';
import type { Cgroups, GroupOf } from './cgroups';
import { quotaPeriodUs, quotaUsOf, sharesOf } from './cgroups';
import { fieldOf, makeGroup, parsePids, readGroupFile, removeGroup, writeGroupFile } from './files';
import { Places } from './places';

/** The controllers of version 1 that the agent uses. */
export const controllersV1 = ['memory', 'cpu', 'cpuacct', 'pids'] as const;
type Controller = (typeof controllersV1)[number];

/** No more is counted than this: what a group without a limit shows is near it. */
const unlimitedBytes = 2 ** 60;

/**
 * Control groups of version 1: one hierarchy for each controller.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/index.html
 */
export class CgroupsV1 implements Cgroups {
  private readonly places = new Places();

  constructor(
    /** The agent's own group in the hierarchy of each controller that may be written to. */
    private readonly parents: Readonly<Partial<Record<Controller, string>>>,
  ) {}

  create(containerId: ContainerId, limits: ContainerLimits, within?: GroupOf): readonly string[] {
    if (within !== undefined) {
      this.make(within.containerId);
      this.update(within.containerId, within.limits);
      this.places.put(containerId, within.containerId);
    }
    this.make(containerId);
    this.update(containerId, limits);
    return this.joins(containerId);
  }

  adopt(containerId: ContainerId, groupId: ContainerId): void {
    this.places.put(containerId, groupId);
  }

  joins(containerId: ContainerId): readonly string[] {
    // A thread that moves itself through `tasks` spares the kernel a lock that `cgroup.procs` takes, and with it a wait of many milliseconds.
    return this.groupsOf(containerId).map((group) => join(group, 'tasks'));
  }

  has(containerId: ContainerId): boolean {
    return this.groupsOf(containerId).every((group) => existsSync(group));
  }

  update(containerId: ContainerId, limits: ContainerLimits): void {
    const { cpu, memory, pids } = this.parents;
    if (cpu !== undefined) {
      const group = this.places.of(cpu, containerId);
      writeGroupFile(join(group, 'cpu.shares'), sharesOf(limits.cpuMilli));
      if (limits.cpuQuotaMilli !== undefined) {
        writeGroupFile(join(group, 'cpu.cfs_period_us'), quotaPeriodUs);
        writeGroupFile(join(group, 'cpu.cfs_quota_us'), quotaUsOf(limits.cpuQuotaMilli));
      }
    }
    if (memory !== undefined && limits.memoryBytes !== undefined)
      limitMemory(this.places.of(memory, containerId), limits.memoryBytes);
    if (pids !== undefined && limits.processes !== undefined)
      writeGroupFile(join(this.places.of(pids, containerId), 'pids.max'), limits.processes);
  }

  pidsOf(containerId: ContainerId): readonly number[] {
    const [group] = this.groupsOf(containerId);
    return group === undefined ? [] : parsePids(readGroupFile(join(group, 'cgroup.procs')));
  }

  outOfMemory(containerId: ContainerId): { readonly limitBytes: number } | undefined {
    const { memory } = this.parents;
    if (memory === undefined) return undefined;
    const group = this.places.of(memory, containerId);
    const kills = fieldOf(readGroupFile(join(group, 'memory.oom_control')), 'oom_kill') ?? 0;
    if (kills === 0) return undefined;
    const own = Number(readGroupFile(join(group, 'memory.limit_in_bytes')));
    const groupId = this.places.groupOf(containerId);
    if (own < unlimitedBytes || groupId === undefined) return { limitBytes: own };
    return { limitBytes: Number(readGroupFile(join(memory, groupId, 'memory.limit_in_bytes'))) };
  }

  usage(containerId: ContainerId): ContainerUsage | undefined {
    const { memory, cpu, cpuacct } = this.parents;
    if (memory === undefined) return undefined;
    const group = this.places.of(memory, containerId);
    const bytes = readGroupFile(join(group, 'memory.usage_in_bytes'));
    if (bytes === undefined) return undefined;
    const limit = Number(readGroupFile(join(group, 'memory.limit_in_bytes')));
    const rss = fieldOf(readGroupFile(join(group, 'memory.stat')), 'rss');
    const cpuNs =
      cpuacct === undefined
        ? undefined
        : readGroupFile(join(this.places.of(cpuacct, containerId), 'cpuacct.usage'));
    const throttled =
      cpu === undefined
        ? undefined
        : fieldOf(readGroupFile(join(this.places.of(cpu, containerId), 'cpu.stat')), 'throttled_time');
    return {
      memoryBytes: Number(bytes),
      ...(limit < unlimitedBytes && { memoryLimitBytes: limit }),
      ...(rss !== undefined && { memoryRssBytes: rss }),
      ...(cpuNs !== undefined && { cpuSeconds: Number(cpuNs) / 1e9 }),
      ...(throttled !== undefined && { cpuThrottledSeconds: throttled / 1e9 }),
      processes: this.pidsOf(containerId).length,
    };
  }

  remove(containerId: ContainerId): boolean {
    let gone = true;
    for (const group of this.groupsOf(containerId)) if (!removeGroup(group)) gone = false;
    if (gone) this.places.forget(containerId);
    return gone;
  }

  list(): readonly ContainerId[] {
    const names = new Set<ContainerId>();
    for (const parent of Object.values(this.parents))
      for (const name of this.places.list(parent)) names.add(name);
    return [...names];
  }

  leave(): void {
    for (const parent of Object.values(this.parents)) removeGroup(parent);
  }

  private groupsOf(containerId: ContainerId): string[] {
    return Object.values(this.parents).map((parent) => this.places.of(parent, containerId));
  }

  private make(containerId: ContainerId): void {
    for (const group of this.groupsOf(containerId)) makeGroup(group);
  }
}

/**
 * Swap counts as memory where the kernel counts it: a limit that lets a task swap instead is none.
 *
 * Neither may pass the other, so a higher limit is set from the outside in and a lower one the other way. A limit below what is in use is
 * refused by the kernel and left as it was.
 */
function limitMemory(group: string, bytes: number): void {
  const limit = join(group, 'memory.limit_in_bytes');
  const withSwap = join(group, 'memory.memsw.limit_in_bytes');
  const before = Number(readGroupFile(limit));
  const files = readGroupFile(withSwap) === undefined ? [limit] : [limit, withSwap];
  // A new group has no limit, and every limit is lower than none.
  if (bytes > before) files.reverse();
  for (const file of files) {
    try {
      writeGroupFile(file, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    }
  }
}
