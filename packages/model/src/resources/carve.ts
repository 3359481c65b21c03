import type { Ranges } from '../values/ranges';
import { isWhole } from './addable';
import { milliPerUnit } from '../values/scalar';
import type { Resource, ResourceValue } from './resource';
import { Resources } from './resources';

/**
 * Takes amounts out of a bag: reserved entries first, then revocable ones last of all, and within one kind in the order of the bag. Of ranges and sets, the first
 * members are taken. Entries that can only be given as a whole, and persistent volumes, are left where they are.
 *
 * @param wanted how much of each name, in thousandths; ranges and sets count their members
 * @returns what was taken, or undefined when the bag does not hold enough of everything
 */
export function carve(bag: Resources, wanted: ReadonlyMap<string, number>): Resources | undefined {
  const taken: Resource[] = [];
  const entries = [...bag.entries]
    .filter((entry) => !isWhole(entry))
    .sort((a, b) => preference(a) - preference(b));
  for (const [name, milli] of wanted) {
    let missing = milli;
    for (const entry of entries) {
      if (missing <= 0) break;
      if (entry.name !== name) continue;
      const [value, amount] = take(entry.value, missing);
      if (amount === 0) continue;
      taken.push({ ...entry, value });
      missing -= amount;
    }
    if (missing > 0) return undefined;
  }
  return Resources.of(taken);
}

function preference(entry: Resource): number {
  return entry.revocable === true ? 2 : entry.reservations.length > 0 ? 0 : 1;
}

/** Up to so many thousandths of a value, and how many they are. */
function take(value: ResourceValue, milli: number): [ResourceValue, number] {
  switch (value.kind) {
    case 'scalar': {
      const amount = Math.min(value.milli, milli);
      return [{ kind: 'scalar', milli: amount }, amount];
    }
    case 'ranges': {
      const [ranges, members] = firstOf(value.ranges, Math.ceil(milli / milliPerUnit));
      return [{ kind: 'ranges', ranges }, members * milliPerUnit];
    }
    case 'set': {
      const items = value.items.slice(0, Math.ceil(milli / milliPerUnit));
      return [{ kind: 'set', items }, items.length * milliPerUnit];
    }
  }
}

function firstOf(ranges: Ranges, members: number): [Ranges, number] {
  const taken: { begin: number; end: number }[] = [];
  let missing = members;
  for (const { begin, end } of ranges) {
    if (missing <= 0) break;
    const size = Math.min(end - begin + 1, missing);
    taken.push({ begin, end: begin + size - 1 });
    missing -= size;
  }
  return [taken, members - missing];
}
