import type { Failure } from '../failure';
import { isFailure } from '../failure';
import { isWithin } from '../roles';
import type { Ranges } from '../values/ranges';
import { noRanges, unionOf } from '../values/ranges';
import { addableKey, isWhole } from './addable';
import {
  addValues,
  isNothing,
  quantityMilli,
  subtractValues,
  valueContains,
  valuesEqual,
} from './arithmetic';
import { parseResources } from './parse';
import { printResource } from './print';
import type { Resource } from './resource';
import { isPersistentVolume, reservedRole } from './resource';
import { validateResources } from './validate';

/**
 * A bag of resources, never changed in place.
 *
 * Entries that may be summed are (R11, R12); the others stay apart, and equal ones are counted by being there more than once. Entries of
 * nothing are not kept. The order is that of first appearance and means nothing: {@link equals} does not see it.
 */
export class Resources {
  static readonly empty: Resources = new Resources([], []);

  private constructor(
    readonly entries: readonly Resource[],
    /** The addable key of each entry, at the same place. Computed once per entry, because every operation compares them. */
    private readonly keys: readonly string[],
  ) {}

  static of(entries: Iterable<Resource>): Resources {
    const bag = new Bag([], []);
    for (const entry of entries) bag.put(entry, addableKey(entry));
    return bag.entries.length === 0 ? Resources.empty : new Resources(bag.entries, bag.keys);
  }

  /**
   * Reads `cpus:2;mem(role):1024;ports:[31000-32000];disks:{a,b}`, or a JSON array of Mesos v1 Resource messages.
   *
   * @param defaultRole the role that entries without one are statically reserved to; `*` reserves nothing
   */
  static parse(text: string, defaultRole = '*'): Resources | Failure {
    const entries = parseResources(text, defaultRole);
    return isFailure(entries) ? entries : Resources.of(entries);
  }

  /** The rules that entries from outside must keep (R2, R3, R6, R62); amounts of nothing are allowed and vanish. */
  static validate(entries: Iterable<Resource>): Failure | undefined {
    return validateResources(entries);
  }

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  /** The same syntax as {@link parse} reads, for plain and statically reserved entries; others carry notes for the reader. */
  toString(): string {
    return this.entries.map(printResource).join(';');
  }

  add(other: Resources): Resources {
    if (other.entries.length === 0) return this;
    if (this.entries.length === 0) return other;
    const bag = new Bag(this.entries.slice(), this.keys.slice());
    for (let i = 0; i < other.entries.length; i++)
      bag.put(other.entries[i] as Resource, other.keys[i] as string);
    return new Resources(bag.entries, bag.keys);
  }

  /** Takes away what overlaps, never below nothing. Whoever must not take more than there is asks {@link contains} first. */
  subtract(other: Resources): Resources {
    if (other.entries.length === 0 || this.entries.length === 0) return this;
    const bag = new Bag(this.entries.slice(), this.keys.slice());
    for (let i = 0; i < other.entries.length; i++)
      bag.take(other.entries[i] as Resource, other.keys[i] as string);
    return bag.entries.length === 0 ? Resources.empty : new Resources(bag.entries, bag.keys);
  }

  contains(other: Resources): boolean {
    let left: Bag | undefined;
    for (let i = 0; i < other.entries.length; i++) {
      const entry = other.entries[i] as Resource;
      const key = other.keys[i] as string;
      if (isWhole(entry)) {
        // Equal copies are counted: each one found is used up.
        left ??= new Bag(this.entries.slice(), this.keys.slice());
        if (!left.take(entry, key)) return false;
      } else {
        const at = this.keys.indexOf(key);
        if (at < 0 || !valueContains((this.entries[at] as Resource).value, entry.value)) return false;
      }
    }
    return true;
  }

  equals(other: Resources): boolean {
    return (
      this === other ||
      (this.entries.length === other.entries.length && this.contains(other) && other.contains(this))
    );
  }

  filter(predicate: (resource: Resource) => boolean): Resources {
    const entries: Resource[] = [];
    const keys: string[] = [];
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i] as Resource;
      if (!predicate(entry)) continue;
      entries.push(entry);
      keys.push(this.keys[i] as string);
    }
    if (entries.length === this.entries.length) return this;
    return entries.length === 0 ? Resources.empty : new Resources(entries, keys);
  }

  map(fn: (resource: Resource) => Resource): Resources {
    return this.entries.length === 0 ? this : Resources.of(this.entries.map(fn));
  }

  /** The same resources as given to a role. */
  allocate(role: string): Resources {
    return this.map((entry) => (entry.allocationRole === role ? entry : { ...entry, allocationRole: role }));
  }

  /** The same resources as given to nobody: the form of an agent's totals. */
  unallocate(): Resources {
    return this.map((entry) => {
      if (entry.allocationRole === undefined) return entry;
      const { allocationRole: _, ...rest } = entry;
      return rest;
    });
  }

  /**
   * The same resources, with persistent volumes in the form in which another bag has them: where they are mounted and who made them, which counts for
   * nothing else (R43, R56). Volumes that are not there stay as they are.
   */
  describedBy(other: Resources): Resources {
    if (!this.entries.some(isPersistentVolume)) return this;
    return this.map((entry) => (isPersistentVolume(entry) ? (other.formOf(entry) ?? entry) : entry));
  }

  unreserved(): Resources {
    return this.filter((entry) => entry.reservations.length === 0);
  }

  /** What is reserved to exactly this role. */
  reservedTo(role: string): Resources {
    return this.filter((entry) => reservedRole(entry) === role);
  }

  /** What may be offered to a role (R28): what is not reserved, and what is reserved to the role or to one above it. */
  offerableTo(role: string): Resources {
    return this.filter((entry) => {
      const reserved = reservedRole(entry);
      return reserved === undefined || isWithin(role, reserved);
    });
  }

  revocable(): Resources {
    return this.filter((entry) => entry.revocable === true);
  }

  nonRevocable(): Resources {
    return this.filter((entry) => entry.revocable !== true);
  }

  /** Persistent volumes that several may use at once (R47). */
  shared(): Resources {
    return this.filter((entry) => entry.shared === true);
  }

  /** What one user at a time holds: all but shared volumes. */
  nonShared(): Resources {
    return this.filter((entry) => entry.shared !== true);
  }

  /** Thousandths of a scalar, summed over all its entries. Copies of one shared volume are one volume and count once. */
  scalarMilli(name: string): number {
    let milli = 0;
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i] as Resource;
      if (entry.name === name && entry.value.kind === 'scalar' && !this.isCopy(i)) milli += entry.value.milli;
    }
    return milli;
  }

  /** The ranges of this name over all entries. */
  ranges(name: string): Ranges {
    let ranges = noRanges;
    for (const { name: entryName, value } of this.entries) {
      if (entryName === name && value.kind === 'ranges') ranges = unionOf(ranges, value.ranges);
    }
    return ranges;
  }

  /** How much there is of each name, in thousandths (R69); ranges and sets count their members. */
  quantities(): ReadonlyMap<string, number> {
    const quantities = new Map<string, number>();
    for (let i = 0; i < this.entries.length; i++) {
      if (this.isCopy(i)) continue;
      const { name, value } = this.entries[i] as Resource;
      quantities.set(name, (quantities.get(name) ?? 0) + quantityMilli(value));
    }
    return quantities;
  }

  /** The entries, each shared volume once however many copies of it there are (A27). */
  distinct(): readonly Resource[] {
    return this.entries.filter((_, at) => !this.isCopy(at));
  }

  private formOf(volume: Resource): Resource | undefined {
    const key = addableKey(volume);
    return this.entries.find((entry, at) => this.keys[at] === key && valuesEqual(entry.value, volume.value));
  }

  /** Whether the entry is shared and stands for the same volume as one before it. */
  private isCopy(at: number): boolean {
    if (this.entries[at]?.shared !== true) return false;
    return this.keys.indexOf(this.keys[at] as string) < at;
  }
}

/** Entries under change, and their keys. */
class Bag {
  constructor(
    readonly entries: Resource[],
    readonly keys: string[],
  ) {}

  put(entry: Resource, key: string): void {
    if (isNothing(entry.value)) return;
    const at = isWhole(entry) ? -1 : this.keys.indexOf(key);
    if (at < 0) {
      this.entries.push(entry);
      this.keys.push(key);
    } else {
      const held = this.entries[at] as Resource;
      this.entries[at] = { ...held, value: addValues(held.value, entry.value) };
    }
  }

  /** Whether there was anything to take from. */
  take(entry: Resource, key: string): boolean {
    const at = this.find(entry, key);
    if (at < 0) return false;
    const held = this.entries[at] as Resource;
    const value = subtractValues(held.value, entry.value);
    if (isNothing(value)) {
      this.entries.splice(at, 1);
      this.keys.splice(at, 1);
    } else {
      this.entries[at] = { ...held, value };
    }
    return true;
  }

  private find(entry: Resource, key: string): number {
    if (!isWhole(entry)) return this.keys.indexOf(key);
    for (let at = this.keys.indexOf(key); at >= 0; at = this.keys.indexOf(key, at + 1)) {
      if (valuesEqual((this.entries[at] as Resource).value, entry.value)) return at;
    }
    return -1;
  }
}
