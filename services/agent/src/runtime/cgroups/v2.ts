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

  async create(
    containerId: ContainerId,
    limits: ContainerLimits,
    within?: GroupOf,
  ): Promise<readonly string[]> {
    if (within !== undefined) {
      const group = this.places.of(this.parent, within.containerId);
      await makeGroup(group);
      await writeGroupFile(join(group, 'cgroup.subtree_control'), this.controllers);
      await this.update(within.containerId, within.limits);
      this.places.put(containerId, within.containerId);
    }
    await makeGroup(this.groupOf(containerId));
    await this.update(containerId, limits);
    return this.joins(containerId);
  }

  adopt(containerId: ContainerId, groupId: ContainerId): void {
    this.places.put(containerId, groupId);
  }

  joins(containerId: ContainerId): readonly string[] {
    return [join(this.groupOf(containerId), 'cgroup.procs')];
  }

  async update(containerId: ContainerId, limits: ContainerLimits): Promise<void> {
    const group = this.groupOf(containerId);
    await writeGroupFile(join(group, 'cpu.weight'), weightOf(sharesOf(limits.cpuMilli)));
    if (limits.cpuQuotaMilli !== undefined) {
      await writeGroupFile(join(group, 'cpu.max'), `${quotaUsOf(limits.cpuQuotaMilli)} ${quotaPeriodUs}`);
    }
    if (limits.memoryBytes !== undefined) {
      await writeGroupFile(join(group, 'memory.max'), limits.memoryBytes);
      const swap = join(group, 'memory.swap.max');
      if ((await readGroupFile(swap)) !== undefined) await writeGroupFile(swap, 0);
    }
    if (limits.processes !== undefined && this.controllers.includes('pids'))
      await writeGroupFile(join(group, 'pids.max'), limits.processes);
  }

  async pidsOf(containerId: ContainerId): Promise<readonly number[]> {
    return parsePids(await readGroupFile(join(this.groupOf(containerId), 'cgroup.procs')));
  }

  async outOfMemory(containerId: ContainerId): Promise<{ readonly limitBytes: number } | undefined> {
    const group = this.groupOf(containerId);
    const kills = fieldOf(await readGroupFile(join(group, 'memory.events')), 'oom_kill') ?? 0;
    if (kills === 0) return undefined;
    const own = Number(await readGroupFile(join(group, 'memory.max')));
    const groupId = this.places.groupOf(containerId);
    // Without a limit of its own it reads `max`.
    if (Number.isFinite(own) || groupId === undefined) return { limitBytes: own };
    return { limitBytes: Number(await readGroupFile(join(this.parent, groupId, 'memory.max'))) };
  }

  async usage(containerId: ContainerId): Promise<ContainerUsage | undefined> {
    const group = this.groupOf(containerId);
    const memory = await readGroupFile(join(group, 'memory.current'));
    if (memory === undefined) return undefined;
    const limit = Number(await readGroupFile(join(group, 'memory.max')));
    const cpu = await readGroupFile(join(group, 'cpu.stat'));
    const cpuUs = fieldOf(cpu, 'usage_usec');
    const throttledUs = fieldOf(cpu, 'throttled_usec');
    const rss = fieldOf(await readGroupFile(join(group, 'memory.stat')), 'anon');
    return {
      memoryBytes: Number(memory),
      ...(Number.isFinite(limit) && { memoryLimitBytes: limit }),
      ...(rss !== undefined && { memoryRssBytes: rss }),
      ...(cpuUs !== undefined && { cpuSeconds: cpuUs / 1e6 }),
      ...(throttledUs !== undefined && { cpuThrottledSeconds: throttledUs / 1e6 }),
      processes: (await this.pidsOf(containerId)).length,
    };
  }

  async remove(containerId: ContainerId): Promise<boolean> {
    const gone = await removeGroup(this.groupOf(containerId));
    if (gone) this.places.forget(containerId);
    return gone;
  }

  list(): Promise<readonly ContainerId[]> {
    return this.places.list(this.parent);
  }

  async leave(): Promise<void> {
    await removeGroup(this.parent);
  }

  private groupOf(containerId: ContainerId): string {
    return this.places.of(this.parent, containerId);
  }
}

/** The conversion that the kernel documents and that systemd and runc use: shares 2 to 262144 onto weights 1 to 10000. */
function weightOf(shares: number): number {
  return Math.min(10_000, Math.max(1, Math.round(1 + ((shares - 2) * 9999) / 262142)));
}
