import { Resources, type Resource } from '@meseta/model';
import type { Names } from '../names';
import { Lot } from './lot';

/**
 * Lots that are remembered to be shared. At the bound all are forgotten: those in use live on, and equal bags that come later
 * are a second lot. Nothing depends on two equal bags being one lot but speed and memory.
 */
export const lotsRememberedMax = 8192;

/** Makes lots of bags, one of each content. Machines are bought by the dozen, and so are the bags that describe them. */
export class Lots {
  readonly empty: Lot;
  private byHash = new Map<number, Lot>();

  constructor(private readonly names: Names) {
    this.empty = new Lot(Resources.empty, names);
  }

  /** The lot of a bag. The bag carries no allocation role. */
  of(bag: Resources): Lot {
    if (bag.isEmpty) return this.empty;
    const hash = hashOf(bag, this.names);
    const known = this.byHash.get(hash);
    if (known !== undefined && (known.bag === bag || isSame(known.bag, bag))) return known;
    const lot = new Lot(bag, this.names);
    if (this.byHash.size >= lotsRememberedMax) this.byHash = new Map();
    this.byHash.set(hash, lot);
    return lot;
  }

  plus(a: Lot, b: Lot): Lot {
    if (b.isEmpty) return a;
    if (a.isEmpty) return b;
    if (a.lastPlus?.other === b) return a.lastPlus.result;
    const result = this.of(a.bag.add(b.bag));
    a.lastPlus = { other: b, result };
    return result;
  }

  /** Takes away what overlaps, never below nothing. */
  minus(a: Lot, b: Lot): Lot {
    if (b.isEmpty) return a;
    if (a === b) return this.empty;
    if (a.lastMinus?.other === b) return a.lastMinus.result;
    const result = this.of(a.bag.subtract(b.bag));
    a.lastMinus = { other: b, result };
    return result;
  }
}

/** Equal bags have equal hashes; the order of entries does not matter. */
function hashOf(bag: Resources, names: Names): number {
  let hash = 0;
  for (const entry of bag.entries) hash = (hash + hashOfEntry(entry, names)) | 0;
  return hash;
}

function hashOfEntry({ name, value, reservations }: Resource, names: Names): number {
  let hash = mix(names.idOf(name) + 1, reservations.length);
  switch (value.kind) {
    case 'scalar':
      return mix(mix(hash, value.milli | 0), Math.floor(value.milli / 0x100000000));
    case 'ranges':
      for (const { begin, end } of value.ranges) hash = mix(mix(hash, begin), end);
      return hash;
    case 'set':
      return mix(hash, value.items.length);
  }
}

function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

/** Equal entry by entry in the same order, which is how equal bags mostly come; else compared as bags are. */
function isSame(a: Resources, b: Resources): boolean {
  if (a.entries.length !== b.entries.length) return false;
  for (let i = 0; i < a.entries.length; i++) {
    if (!isSamePlain(a.entries[i] as Resource, b.entries[i] as Resource)) return a.equals(b);
  }
  return true;
}

function isSamePlain(a: Resource, b: Resource): boolean {
  if (a === b) return true;
  if (a.name !== b.name || a.reservations.length > 0 || b.reservations.length > 0) return false;
  if (a.disk !== undefined || b.disk !== undefined || a.providerId !== b.providerId) return false;
  if (a.revocable !== b.revocable || a.shared !== b.shared || a.allocationRole !== b.allocationRole)
    return false;
  const [left, right] = [a.value, b.value];
  if (left.kind === 'scalar' && right.kind === 'scalar') return left.milli === right.milli;
  if (left.kind !== 'ranges' || right.kind !== 'ranges') return false;
  if (left.ranges.length !== right.ranges.length) return false;
  for (let i = 0; i < left.ranges.length; i++) {
    if (left.ranges[i]?.begin !== right.ranges[i]?.begin || left.ranges[i]?.end !== right.ranges[i]?.end)
      return false;
  }
  return true;
}
