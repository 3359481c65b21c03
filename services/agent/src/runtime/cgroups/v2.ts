import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerId } from '@meseta/model';
import type { ContainerLimits, ContainerUsage } from '../container-runtime';
import type { Cgroups, GroupOf } from './cgroups';
import { quotaPeriodUs, quotaUsOf, sharesOf } from './cgroups';
import { fieldOf, makeGroup, parsePids, readGroupFile, removeGroup, writeGroupFile } from './files';
import { Places } from './places';

/**
 * Control groups of version 2: one hierarchy for all controllers.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export class CgroupsV2 implements Cgroups {
  private readonly places = new Places();

  constructor(
    /** The agent's own group, whose `cgroup.subtree_control` has the controllers. */
    private readonly parent: string,
    /** What a group of several hands down, as `+cpu +memory`. */
    private readonly controllers: string,
  ) {}

  create(containerId: ContainerId, limits: ContainerLimits, within?: GroupOf): readonly string[] {
    if (within !== undefined) {
      const group = this.places.of(this.parent, within.containerId);
      makeGroup(group);
      writeGroupFile(join(group, 'cgroup.subtree_control'), this.controllers);
      this.update(within.containerId, within.limits);
      this.places.put(containerId, within.containerId);
    }
    makeGroup(this.groupOf(containerId));
    this.update(containerId, limits);
    return this.joins(containerId);
  }

  adopt(containerId: ContainerId, groupId: ContainerId): void {
    this.places.put(containerId, groupId);
  }

  joins(containerId: ContainerId): readonly string[] {
    return [join(this.groupOf(containerId), 'cgroup.procs')];
  }

  has(containerId: ContainerId): boolean {
    return existsSync(this.groupOf(containerId));
  }

  update(containerId: ContainerId, limits: ContainerLimits): void {
    const group = this.groupOf(containerId);
    writeGroupFile(join(group, 'cpu.weight'), weightOf(sharesOf(limits.cpuMilli)));
    if (limits.cpuQuotaMilli !== undefined) {
      writeGroupFile(join(group, 'cpu.max'), `${quotaUsOf(limits.cpuQuotaMilli)} ${quotaPeriodUs}`);
    }
    if (limits.memoryBytes !== undefined) {
      writeGroupFile(join(group, 'memory.max'), limits.memoryBytes);
      const swap = join(group, 'memory.swap.max');
      if (readGroupFile(swap) !== undefined) writeGroupFile(swap, 0);
    }
    if (limits.processes !== undefined && this.controllers.includes('pids'))
      writeGroupFile(join(group, 'pids.max'), limits.processes);
  }

  pidsOf(containerId: ContainerId): readonly number[] {
    return parsePids(readGroupFile(join(this.groupOf(containerId), 'cgroup.procs')));
  }

  outOfMemory(containerId: ContainerId): { readonly limitBytes: number } | undefined {
    const group = this.groupOf(containerId);
    const kills = fieldOf(readGroupFile(join(group, 'memory.events')), 'oom_kill') ?? 0;
    if (kills === 0) return undefined;
    const own = Number(readGroupFile(join(group, 'memory.max')));
    const groupId = this.places.groupOf(containerId);
    // Without a limit of its own it reads `max`.
    if (Number.isFinite(own) || groupId === undefined) return { limitBytes: own };
    return { limitBytes: Number(readGroupFile(join(this.parent, groupId, 'memory.max'))) };
  }

  usage(containerId: ContainerId): ContainerUsage | undefined {
    const group = this.groupOf(containerId);
    const memory = readGroupFile(join(group, 'memory.current'));
    if (memory === undefined) return undefined;
    const limit = Number(readGroupFile(join(group, 'memory.max')));
    const cpu = readGroupFile(join(group, 'cpu.stat'));
    const cpuUs = fieldOf(cpu, 'usage_usec');
    const throttledUs = fieldOf(cpu, 'throttled_usec');
    const rss = fieldOf(readGroupFile(join(group, 'memory.stat')), 'anon');
    return {
      memoryBytes: Number(memory),
      ...(Number.isFinite(limit) && { memoryLimitBytes: limit }),
      ...(rss !== undefined && { memoryRssBytes: rss }),
      ...(cpuUs !== undefined && { cpuSeconds: cpuUs / 1e6 }),
      ...(throttledUs !== undefined && { cpuThrottledSeconds: throttledUs / 1e6 }),
      processes: this.pidsOf(containerId).length,
    };
  }

  remove(containerId: ContainerId): boolean {
    const gone = removeGroup(this.groupOf(containerId));
    if (gone) this.places.forget(containerId);
    return gone;
  }

  list(): readonly ContainerId[] {
    return this.places.list(this.parent);
  }

  leave(): void {
    removeGroup(this.parent);
  }

  private groupOf(containerId: ContainerId): string {
    return this.places.of(this.parent, containerId);
  }
}

/** The conversion that the kernel documents and that systemd and runc use: shares 2 to 262144 onto weights 1 to 10000. */
function weightOf(shares: number): number {
  return Math.min(10_000, Math.max(1, Math.round(1 + ((shares - 2) * 9999) / 262142)));
}
