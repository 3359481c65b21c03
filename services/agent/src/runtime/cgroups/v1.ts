import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerId } from '@meseta/model';
import type { ContainerLimits, ContainerUsage } from '../container-runtime';
import type { Cgroups, GroupMemory, GroupOf } from './cgroups';
import { quotaPeriodUs, quotaUsOf, sharesOf, unlimitedBytes } from './cgroups';
import {
  countIn,
  fieldOf,
  liftBound,
  makeGroup,
  parsePids,
  readGroupFile,
  removeGroup,
  writeGroupFile,
} from './files';
import { LateLimits } from './late-limits';
import { Places } from './places';

/** The controllers of version 1 that the agent uses. */
export const controllersV1 = ['memory', 'cpu', 'cpuacct', 'pids'] as const;
/** How programs are told times on every Linux (USER_HZ). */
const ticksPerSecond = 100;
type Controller = (typeof controllersV1)[number];

/**
 * Control groups of version 1: one hierarchy for each controller.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/index.html
 */
export class CgroupsV1 implements Cgroups {
  private readonly places = new Places();
  private readonly memoryLimits = new LateLimits((containerId, bytes) =>
    this.limitMemory(containerId, bytes),
  );

  constructor(
    /** The agent's own group in the hierarchy of each controller that may be written to. */
    private readonly parents: Readonly<Partial<Record<Controller, string>>>,
  ) {}

  get home(): string {
    return Object.values(this.parents)[0] ?? '';
  }

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
      writeGroupFile(join(group, 'cpu.shares'), sharesOf(limits));
      const quota = join(group, 'cpu.cfs_quota_us');
      if (limits.cpuQuotaMilli === undefined) {
        liftBound(quota, '-1');
      } else {
        writeGroupFile(join(group, 'cpu.cfs_period_us'), quotaPeriodUs);
        writeGroupFile(quota, quotaUsOf(limits.cpuQuotaMilli));
      }
    }
    if (memory !== undefined) {
      this.memoryLimits.limit(containerId, limits.memoryBytes ?? unlimitedBytes);
      const soft = join(this.places.of(memory, containerId), 'memory.soft_limit_in_bytes');
      if (limits.memoryRequestBytes !== undefined) writeGroupFile(soft, limits.memoryRequestBytes);
      else if (Number(readGroupFile(soft)) < unlimitedBytes) writeGroupFile(soft, -1);
    }
    if (pids !== undefined) {
      const most = join(this.places.of(pids, containerId), 'pids.max');
      if (limits.processes === undefined) liftBound(most, 'max');
      else writeGroupFile(most, limits.processes);
    }
  }

  retry(): void {
    this.memoryLimits.retry((containerId) => this.has(containerId));
  }

  pidsOf(containerId: ContainerId): readonly number[] {
    const [group] = this.groupsOf(containerId);
    return group === undefined ? [] : parsePids(readGroupFile(join(group, 'cgroup.procs')));
  }

  oomKillsOf(containerId: ContainerId): number {
    const { memory } = this.parents;
    if (memory === undefined) return 0;
    const group = this.places.of(memory, containerId);
    return fieldOf(readGroupFile(join(group, 'memory.oom_control')), 'oom_kill') ?? 0;
  }

  memoryOf(containerId: ContainerId): GroupMemory {
    const { memory } = this.parents;
    if (memory === undefined) return {};
    const own = memoryIn(this.places.of(memory, containerId));
    const groupId = this.places.groupOf(containerId);
    return own.limitBytes === undefined && groupId !== undefined ? memoryIn(join(memory, groupId)) : own;
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
    const times =
      cpuacct === undefined
        ? undefined
        : readGroupFile(join(this.places.of(cpuacct, containerId), 'cpuacct.stat'));
    const [user, system] = [fieldOf(times, 'user'), fieldOf(times, 'system')];
    const [processes, threads] = [countIn(group, 'cgroup.procs'), countIn(group, 'tasks')];
    const throttled =
      cpu === undefined
        ? undefined
        : fieldOf(readGroupFile(join(this.places.of(cpu, containerId), 'cpu.stat')), 'throttled_time');
    return {
      memoryBytes: Number(bytes),
      ...(limit < unlimitedBytes && { memoryLimitBytes: limit }),
      ...(rss !== undefined && { memoryRssBytes: rss }),
      ...(cpuNs !== undefined && { cpuSeconds: Number(cpuNs) / 1e9 }),
      ...(user !== undefined && { cpuUserSeconds: user / ticksPerSecond }),
      ...(system !== undefined && { cpuSystemSeconds: system / ticksPerSecond }),
      ...(throttled !== undefined && { cpuThrottledSeconds: throttled / 1e9 }),
      ...(processes !== undefined && { processes }),
      ...(threads !== undefined && { threads }),
    };
  }

  remove(containerId: ContainerId): boolean {
    let gone = true;
    for (const group of this.groupsOf(containerId)) if (!removeGroup(group)) gone = false;
    if (!gone) return false;
    this.places.forget(containerId);
    this.memoryLimits.forget(containerId);
    return true;
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

  private limitMemory(containerId: ContainerId, bytes: number): boolean {
    const { memory } = this.parents;
    return memory === undefined || limitMemory(this.places.of(memory, containerId), bytes);
  }

  private groupsOf(containerId: ContainerId): string[] {
    return Object.values(this.parents).map((parent) => this.places.of(parent, containerId));
  }

  private make(containerId: ContainerId): void {
    for (const group of this.groupsOf(containerId)) makeGroup(group);
  }
}

function memoryIn(group: string): GroupMemory {
  const limit = Number(readGroupFile(join(group, 'memory.limit_in_bytes')));
  const used = readGroupFile(join(group, 'memory.max_usage_in_bytes'));
  return {
    ...(limit < unlimitedBytes && { limitBytes: limit }),
    ...(used !== undefined && { usedBytes: Number(used) }),
  };
}

/**
 * Swap counts as memory where the kernel counts it: a limit that lets a task swap instead is none.
 *
 * Neither may pass the other, so a higher limit is set from the outside in and a lower one the other way.
 *
 * @returns whether it is set: one below what is in use is refused by the kernel
 */
function limitMemory(group: string, bytes: number): boolean {
  const limit = join(group, 'memory.limit_in_bytes');
  const withSwap = join(group, 'memory.memsw.limit_in_bytes');
  const text = readGroupFile(limit);
  const before = Number(text);
  if (bytes >= unlimitedBytes && (text === undefined || before >= unlimitedBytes)) return true;
  // To be refused costs the kernel a search for something to take back.
  if (bytes < before && (fieldOf(readGroupFile(join(group, 'memory.stat')), 'total_rss') ?? 0) > bytes)
    return false;
  const files = readGroupFile(withSwap) === undefined ? [limit] : [limit, withSwap];
  // A new group has no limit, and every limit is lower than none.
  if (bytes > before) files.reverse();
  for (const file of files) {
    try {
      writeGroupFile(file, bytes >= unlimitedBytes ? -1 : bytes);
    } catch (error) {
      // Then the other must not be lower.
      if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
      throw error;
    }
  }
  return true;
}
