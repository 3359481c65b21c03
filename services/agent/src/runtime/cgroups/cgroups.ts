import type { ContainerId } from '@meseta/model';
import type { ContainerLimits, ContainerUsage } from '../container-runtime';

/** Control groups of the kernel, one for each container of one agent; two versions of them exist. */
export interface Cgroups {
  /** A directory below which there is one for each container, with the list of its processes. */
  readonly home: string;
  /**
   * Makes the group and sets its limits.
   *
   * @param within the group of several containers that it is to be part of, which is made if it is not there
   * @returns the files to which a process writes `0` to join it
   */
  create(containerId: ContainerId, limits: ContainerLimits, within?: GroupOf): readonly string[];
  /** A container of a former life of the agent is part of a group of several. */
  adopt(containerId: ContainerId, groupId: ContainerId): void;
  /** The files to which a process writes `0` to join a group that is there already. */
  joins(containerId: ContainerId): readonly string[];
  /** Whether there is a group of a container, or of several. */
  has(containerId: ContainerId): boolean;
  /**
   * Changes the limits of a container, or of a group of several: a bound that is unset is none, whatever it was. A limit of memory below what is in use
   * would end somebody: it is set by the first `retry` that finds room.
   */
  update(containerId: ContainerId, limits: ContainerLimits): void;
  /** Sets the limits that could not be set so far. */
  retry(): void;
  /** Every process in it. */
  pidsOf(containerId: ContainerId): readonly number[];
  /** How many processes of it the kernel has ended for want of memory. */
  oomKillsOf(containerId: ContainerId): number;
  /** What the limit is that its memory comes up against, its own or that of the group of several, and the most that was used of it. */
  memoryOf(containerId: ContainerId): GroupMemory;
  usage(containerId: ContainerId): ContainerUsage | undefined;
  /** Removes an empty group; false if something is in it still. */
  remove(containerId: ContainerId): boolean;
  /** The groups that there are, those of several containers last. */
  list(): readonly ContainerId[];
  /** Removes the agent's own group, unless something is in it. */
  leave(): void;
}

/** A group that several containers are part of. */
export interface GroupOf {
  readonly containerId: ContainerId;
  readonly limits: ContainerLimits;
}

/** The memory of a group; what the kernel does not know, or does not limit, is unset. */
export interface GroupMemory {
  readonly limitBytes?: number;
  readonly usedBytes?: number;
}

/** No more memory is counted than this: what a group without a limit shows is near it. */
export const unlimitedBytes = 2 ** 60;

/** The weight of one cpu; the kernel's default for a group. */
export const sharesPerCpu = 1024;
/** The weight of one cpu that may be taken back at any moment, as in Mesos: it is used when nobody else wants it. */
export const sharesPerLowCpu = 10;
/** The kernel takes no less. */
export const sharesMin = 2;
/** The period over which a quota is counted. Microseconds; the kernel's default. */
export const quotaPeriodUs = 100_000;
/** The kernel takes no shorter quota. Microseconds. */
export const quotaMinUs = 1_000;

/** The weight of what a container may use of the cpu, as version 1 and Docker count. */
export function sharesOf({ cpuMilli, lowCpuMilli = 0 }: ContainerLimits): number {
  const shares = (cpuMilli - lowCpuMilli) * sharesPerCpu + lowCpuMilli * sharesPerLowCpu;
  return Math.max(sharesMin, Math.round(shares / 1000));
}

export function quotaUsOf(cpuMilli: number): number {
  return Math.max(quotaMinUs, Math.round((cpuMilli * quotaPeriodUs) / 1000));
}
