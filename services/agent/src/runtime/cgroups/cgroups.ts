import type { ContainerId } from '@meseta/model';
import type { ContainerLimits, ContainerUsage } from '../container-runtime';

/** Control groups of the kernel, one for each container of one agent; two versions of them exist. */
export interface Cgroups {
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
  /** Changes the limits of a container, or of a group of several. A limit below what is used already is set as soon as that is possible. */
  update(containerId: ContainerId, limits: ContainerLimits): void;
  /** Every process in it. */
  pidsOf(containerId: ContainerId): readonly number[];
  /** The limit, if the kernel has ended a process of it for want of memory. */
  outOfMemory(containerId: ContainerId): { readonly limitBytes: number } | undefined;
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

/** The weight of one cpu; the kernel's default for a group. */
export const sharesPerCpu = 1024;
/** The kernel takes no less. */
export const sharesMin = 2;
/** The period over which a quota is counted. Microseconds; the kernel's default. */
export const quotaPeriodUs = 100_000;
/** The kernel takes no shorter quota. Microseconds. */
export const quotaMinUs = 1_000;

export function sharesOf(cpuMilli: number): number {
  return Math.max(sharesMin, Math.round((cpuMilli * sharesPerCpu) / 1000));
}

export function quotaUsOf(cpuMilli: number): number {
  return Math.max(quotaMinUs, Math.round((cpuMilli * quotaPeriodUs) / 1000));
}
