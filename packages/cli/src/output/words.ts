import { isFailure, printDomain, Resources, msOfNanoseconds } from '@meseta/model';
import {
  attributesFromProto,
  domainFromProto,
  resourcesFromProto,
  type Attribute,
  type DomainInfo,
  type Resource,
  type TaskState,
  type TimeInfo,
} from '@meseta/protocol';
import { printAttributes } from '@meseta/model';
import { printDurationMs } from '@meseta/kit';

/** What stands in a table where there is nothing to say. */
export const nothing = '-';

/** `TASK_RUNNING` is `RUNNING`. */
export function stateWord(state: TaskState | undefined): string {
  return state?.replace(/^TASK_/, '') ?? nothing;
}

/** Resources as people write them, `cpus:1;mem:32`; those that cannot be read are said so. */
export function resourcesWord(resources: readonly Resource[]): string {
  const read = resourcesFromProto(resources);
  if (isFailure(read)) return `(${read.message})`;
  return read.unallocate().toString() || nothing;
}

/** Attributes as people write them, `rack:a;level:10`. */
export function attributesWord(attributes: readonly Attribute[]): string {
  const read = attributesFromProto(attributes);
  return isFailure(read) ? `(${read.message})` : printAttributes(read) || nothing;
}

/** Where a machine is, `region/zone`; undefined if nobody said. */
export function domainWord(domain: DomainInfo | undefined): string | undefined {
  const read = domainFromProto('domain', domain);
  return isFailure(read) ? `(${read.message})` : read && printDomain(read);
}

/** How much of a scalar there is, in its unit. */
export function scalarOf(resources: readonly Resource[], name: string): number {
  const read = resourcesFromProto(resources);
  return (isFailure(read) ? Resources.empty : read).scalarMilli(name) / 1000;
}

/** `used/total` of a scalar. */
export function shareWord(used: readonly Resource[], total: readonly Resource[], name: string): string {
  return `${numberWord(scalarOf(used, name))}/${numberWord(scalarOf(total, name))}`;
}

/** At most three decimals, and none that say nothing. */
export function numberWord(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

/** An instant in milliseconds since the epoch, as ISO text without milliseconds. */
export function timeWord(ms: number | undefined): string {
  return ms === undefined || ms <= 0 ? nothing : new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** How long ago an instant was, as `5m12s`. */
export function ageWord(ms: number | undefined, nowMs: number): string {
  return ms === undefined || ms <= 0 ? nothing : printDurationMs(Math.max(0, nowMs - ms));
}

/** The Mesos v1 time message in milliseconds since the epoch. */
export function timeInfoMs(time: TimeInfo | undefined): number | undefined {
  return time?.nanoseconds === undefined ? undefined : msOfNanoseconds(time.nanoseconds);
}

/** `3 tasks`, `1 task`. */
export function countWord(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
