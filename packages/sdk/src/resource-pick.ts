import { Resources, differenceOf, rangesContain, type Resource } from '@meseta/model';

/**
 * Takes what is wanted out of what was offered, or returns undefined if it does not fit.
 *
 * An author writes `cpus:1;ports:[31000-31000]`; the offer may hold the cpus in several pieces, some reserved to the role.
 * Reserved pieces go first, so that what others could use as well is left. A wanted entry that says itself how it is
 * reserved, or that is a volume, must be there just so. Disks, shared and revocable pieces are never given unasked.
 */
export function pick(offered: Resources, wanted: Resources): Resources | undefined {
  let left = offered;
  let picked = Resources.empty;
  for (const entry of wanted.entries) {
    const taken = isExact(entry) ? pickExact(left, entry) : pickPlain(left, entry);
    if (taken === undefined) return undefined;
    left = left.subtract(taken);
    picked = picked.add(taken);
  }
  return picked;
}

function isExact(entry: Resource): boolean {
  return (
    entry.reservations.length > 0 ||
    entry.disk !== undefined ||
    entry.revocable === true ||
    entry.shared === true ||
    entry.providerId !== undefined
  );
}

function pickExact(left: Resources, wanted: Resource): Resources | undefined {
  const role = left.entries[0]?.allocationRole;
  const exact = Resources.of([
    wanted.allocationRole === undefined && role !== undefined ? { ...wanted, allocationRole: role } : wanted,
  ]);
  return left.contains(exact) ? exact : undefined;
}

function pickPlain(left: Resources, wanted: Resource): Resources | undefined {
  const pieces = left.entries
    .filter((entry) => entry.name === wanted.name && entry.value.kind === wanted.value.kind && isPlain(entry))
    .sort((a, b) => b.reservations.length - a.reservations.length);
  const taken: Resource[] = [];
  let missing: Resource['value'] | undefined = wanted.value;
  for (const piece of pieces) {
    if (missing === undefined) break;
    const [value, rest] = split(piece.value, missing);
    if (value !== undefined) taken.push({ ...piece, value });
    missing = rest;
  }
  return missing === undefined ? Resources.of(taken) : undefined;
}

function isPlain(entry: Resource): boolean {
  return (
    entry.disk === undefined &&
    entry.revocable !== true &&
    entry.shared !== true &&
    entry.providerId === undefined
  );
}

/** What of `wanted` this piece can give, and what is then still missing. */
function split(
  piece: Resource['value'],
  wanted: Resource['value'],
): [Resource['value'] | undefined, Resource['value'] | undefined] {
  if (piece.kind === 'scalar' && wanted.kind === 'scalar') {
    const milli = Math.min(piece.milli, wanted.milli);
    const rest = wanted.milli - milli;
    return [
      milli > 0 ? { kind: 'scalar', milli } : undefined,
      rest > 0 ? { kind: 'scalar', milli: rest } : undefined,
    ];
  }
  if (piece.kind === 'ranges' && wanted.kind === 'ranges') {
    const rest = differenceOf(wanted.ranges, piece.ranges);
    const given = differenceOf(wanted.ranges, rest);
    return [
      given.length > 0 ? { kind: 'ranges', ranges: given } : undefined,
      rangesContain(piece.ranges, wanted.ranges) ? undefined : { kind: 'ranges', ranges: rest },
    ];
  }
  if (piece.kind === 'set' && wanted.kind === 'set') {
    const given = wanted.items.filter((item) => piece.items.includes(item));
    const rest = wanted.items.filter((item) => !piece.items.includes(item));
    return [
      given.length > 0 ? { kind: 'set', items: given } : undefined,
      rest.length > 0 ? { kind: 'set', items: rest } : undefined,
    ];
  }
  return [undefined, wanted];
}
