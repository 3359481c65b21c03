import { assertNever } from '../assert';
import { differenceOf, rangesContain, rangesEqual, sizeOf, unionOf } from '../values/ranges';
import { milliPerUnit } from '../values/scalar';
import { itemsContain, itemsDifference, itemsEqual, itemsUnion } from '../values/sets';
import type { ResourceValue } from './resource';

/** Sums two values of one kind; entries of different kinds have different keys and never meet here. */
export function addValues(a: ResourceValue, b: ResourceValue): ResourceValue {
  if (a.kind === 'scalar' && b.kind === 'scalar') return { kind: 'scalar', milli: a.milli + b.milli };
  if (a.kind === 'ranges' && b.kind === 'ranges')
    return { kind: 'ranges', ranges: unionOf(a.ranges, b.ranges) };
  if (a.kind === 'set' && b.kind === 'set') return { kind: 'set', items: itemsUnion(a.items, b.items) };
  return a;
}

/** Takes away what overlaps; never below nothing. */
export function subtractValues(a: ResourceValue, b: ResourceValue): ResourceValue {
  if (a.kind === 'scalar' && b.kind === 'scalar')
    return { kind: 'scalar', milli: Math.max(0, a.milli - b.milli) };
  if (a.kind === 'ranges' && b.kind === 'ranges')
    return { kind: 'ranges', ranges: differenceOf(a.ranges, b.ranges) };
  if (a.kind === 'set' && b.kind === 'set') return { kind: 'set', items: itemsDifference(a.items, b.items) };
  return a;
}

export function valueContains(a: ResourceValue, b: ResourceValue): boolean {
  if (a.kind === 'scalar' && b.kind === 'scalar') return a.milli >= b.milli;
  if (a.kind === 'ranges' && b.kind === 'ranges') return rangesContain(a.ranges, b.ranges);
  if (a.kind === 'set' && b.kind === 'set') return itemsContain(a.items, b.items);
  return false;
}

export function valuesEqual(a: ResourceValue, b: ResourceValue): boolean {
  if (a.kind === 'scalar' && b.kind === 'scalar') return a.milli === b.milli;
  if (a.kind === 'ranges' && b.kind === 'ranges') return rangesEqual(a.ranges, b.ranges);
  if (a.kind === 'set' && b.kind === 'set') return itemsEqual(a.items, b.items);
  return false;
}

/** Whether there is nothing of it; such entries are not kept. */
export function isNothing(value: ResourceValue): boolean {
  switch (value.kind) {
    case 'scalar':
      return value.milli <= 0;
    case 'ranges':
      return value.ranges.length === 0;
    case 'set':
      return value.items.length === 0;
    default:
      return assertNever(value);
  }
}

/** How much it is, in thousandths; ranges and sets count their members. */
export function quantityMilli(value: ResourceValue): number {
  switch (value.kind) {
    case 'scalar':
      return value.milli;
    case 'ranges':
      return sizeOf(value.ranges) * milliPerUnit;
    case 'set':
      return value.items.length * milliPerUnit;
    default:
      return assertNever(value);
  }
}
