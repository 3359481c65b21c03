import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerId } from '@meseta/model';
import type { ContainerLimits, ContainerUsage } from '../container-runtime';
import type { Cgroups, GroupMemory, GroupOf } from './cgroups';
import { quotaPeriodUs, quotaUsOf, sharesOf } from './cgroups';
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

/**
 * Control groups of version 2: one hierarchy for all controllers.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export class CgroupsV2 implements Cgroups {
  private readonly places = new Places();
  private readonly memoryLimits = new LateLimits((containerId, bytes) =>
    this.limitMemory(containerId, bytes),
  );

  constructor(
    /** The agent's own group, whose `cgroup.subtree_control` has the controllers. */
    private readonly parent: string,
    /** What a group of several hands down, as `+cpu +memory`. */
    private readonly controllers: string,
  ) {}

  get home(): string {
    return this.parent;
  }

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
    writeGroupFile(join(group, 'cpu.weight'), weightOf(sharesOf(limits)));
    const cpu = join(group, 'cpu.max');
    if (limits.cpuQuotaMilli === undefined) liftBound(cpu, `max ${quotaPeriodUs}`);
    else writeGroupFile(cpu, `${quotaUsOf(limits.cpuQuotaMilli)} ${quotaPeriodUs}`);
    if (limits.memoryBytes === undefined) this.liftMemory(containerId);
    else this.memoryLimits.limit(containerId, limits.memoryBytes);
    const low = join(group, 'memory.low');
    if (limits.memoryRequestBytes === undefined) liftBound(low, '0');
    else writeGroupFile(low, limits.memoryRequestBytes);
    if (!this.controllers.includes('pids')) return;
    const most = join(group, 'pids.max');
    if (limits.processes === undefined) liftBound(most, 'max');
    else writeGroupFile(most, limits.processes);
  }

  retry(): void {
    this.memoryLimits.retry((containerId) => this.has(containerId));
  }

  pidsOf(containerId: ContainerId): readonly number[] {
    return parsePids(readGroupFile(join(this.groupOf(containerId), 'cgroup.procs')));
  }

  oomKillsOf(containerId: ContainerId): number {
    return fieldOf(readGroupFile(join(this.groupOf(containerId), 'memory.events')), 'oom_kill') ?? 0;
  }

  memoryOf(containerId: ContainerId): GroupMemory {
    const own = memoryIn(this.groupOf(containerId));
    const groupId = this.places.groupOf(containerId);
    return own.limitBytes === undefined && groupId !== undefined ? memoryIn(join(this.parent, groupId)) : own;
  }

  usage(containerId: ContainerId): ContainerUsage | undefined {
    const group = this.groupOf(containerId);
    const memory = readGroupFile(join(group, 'memory.current'));
    if (memory === undefined) return undefined;
    const limit = Number(readGroupFile(join(group, 'memory.max')));
    const cpu = readGroupFile(join(group, 'cpu.stat'));
    const cpuUs = fieldOf(cpu, 'usage_usec');
    const [userUs, systemUs] = [fieldOf(cpu, 'user_usec'), fieldOf(cpu, 'system_usec')];
    const [processes, threads] = [countIn(group, 'cgroup.procs'), countIn(group, 'cgroup.threads')];
    const throttledUs = fieldOf(cpu, 'throttled_usec');
    const rss = fieldOf(readGroupFile(join(group, 'memory.stat')), 'anon');
    return {
      memoryBytes: Number(memory),
      ...(Number.isFinite(limit) && { memoryLimitBytes: limit }),
      ...(rss !== undefined && { memoryRssBytes: rss }),
      ...(cpuUs !== undefined && { cpuSeconds: cpuUs / 1e6 }),
      ...(userUs !== undefined && { cpuUserSeconds: userUs / 1e6 }),
      ...(systemUs !== undefined && { cpuSystemSeconds: systemUs / 1e6 }),
      ...(throttledUs !== undefined && { cpuThrottledSeconds: throttledUs / 1e6 }),
      ...(processes !== undefined && { processes }),
      ...(threads !== undefined && { threads }),
    };
  }

  remove(containerId: ContainerId): boolean {
    if (!removeGroup(this.groupOf(containerId))) return false;
    this.places.forget(containerId);
    this.memoryLimits.forget(containerId);
    return true;
  }

  list(): readonly ContainerId[] {
    return this.places.list(this.parent);
  }

  leave(): void {
    removeGroup(this.parent);
  }

  /** The kernel takes any limit and ends whom it must for it: one below what is in use waits. */
  private limitMemory(containerId: ContainerId, bytes: number): boolean {
    const group = this.groupOf(containerId);
    if (inUseIn(group) > bytes) return false;
    writeGroupFile(join(group, 'memory.max'), bytes);
    const swap = join(group, 'memory.swap.max');
    if (readGroupFile(swap) !== undefined) writeGroupFile(swap, 0);
    return true;
  }

  private liftMemory(containerId: ContainerId): void {
    const group = this.groupOf(containerId);
    this.memoryLimits.forget(containerId);
    liftBound(join(group, 'memory.max'), 'max');
    liftBound(join(group, 'memory.swap.max'), 'max');
  }

  private groupOf(containerId: ContainerId): string {
    return this.places.of(this.parent, containerId);
  }
}

function memoryIn(group: string): GroupMemory {
  const limit = Number(readGroupFile(join(group, 'memory.max')));
  // Kernels before 5.19 do not tell.
  const used = readGroupFile(join(group, 'memory.peak'));
  return {
    // Without a limit it reads `max`.
    ...(Number.isFinite(limit) && { limitBytes: limit }),
    ...(used !== undefined && { usedBytes: Number(used) }),
  };
}

/** What the kernel could not take back from a group without ending somebody: all but the caches of files. Bytes; 0 for a new group. */
function inUseIn(group: string): number {
  const all = Number(readGroupFile(join(group, 'memory.current')) ?? 0);
  const stat = readGroupFile(join(group, 'memory.stat'));
  return all - ((fieldOf(stat, 'file') ?? 0) - (fieldOf(stat, 'shmem') ?? 0));
}

/** The conversion that the kernel documents and that systemd and runc use: shares 2 to 262144 onto weights 1 to 10000. */
function weightOf(shares: number): number {
  return Math.min(10_000, Math.max(1, Math.round(1 + ((shares - 2) * 9999) / 262142)));
}
