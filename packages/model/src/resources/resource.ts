import type { Items } from '../values/sets';
import type { Ranges } from '../values/ranges';

export interface Label {
  readonly key: string;
  readonly value?: string;
}

/** One level of a reservation. The last of the stack is the role that may use the resource now. */
export interface Reservation {
  /** Static ones come from the agent's flags and cannot be undone; dynamic ones were made while the cluster ran. */
  readonly type: 'STATIC' | 'DYNAMIC';
  readonly role: string;
  /** Who reserved it. */
  readonly principal?: string;
  readonly labels?: readonly Label[];
}

/** What makes a disk resource more than an amount of megabytes. */
export interface DiskInfo {
  readonly persistence?: { readonly id: string; readonly principal?: string };
  readonly volume?: {
    readonly containerPath: string;
    readonly mode: 'RW' | 'RO';
    readonly hostPath?: string;
  };
  readonly source?: DiskSource;
}

export interface DiskSource {
  readonly type: 'PATH' | 'MOUNT' | 'BLOCK' | 'RAW';
  readonly root?: string;
  readonly id?: string;
  readonly profile?: string;
  readonly vendor?: string;
  readonly metadata?: readonly Label[];
}

export type ResourceValue =
  | { readonly kind: 'scalar'; readonly milli: number }
  | { readonly kind: 'ranges'; readonly ranges: Ranges }
  | { readonly kind: 'set'; readonly items: Items };

/** One entry of a bag of resources. */
export interface Resource {
  readonly name: string;
  readonly value: ResourceValue;
  /** The role that it is allocated to; only on what is offered or used, absent on totals. */
  readonly allocationRole?: string;
  readonly reservations: readonly Reservation[];
  readonly disk?: DiskInfo;
  /** May be taken back at any moment; never mixes with what may not. */
  readonly revocable?: boolean;
  /** May be used by several tasks at once; only persistent volumes are. */
  readonly shared?: boolean;
  /** The resource provider it comes from; absent for the agent's own. */
  readonly providerId?: string;
}

/** The role that may use the resource now, or nothing when it is not reserved. */
export function reservedRole(resource: Resource): string | undefined {
  return resource.reservations[resource.reservations.length - 1]?.role;
}

/** Whether an entry is a persistent volume. */
export function isPersistentVolume({ disk }: Resource): boolean {
  return disk?.persistence !== undefined;
}
