import { isWhole } from './addable';
import type { Resource } from './resource';
import { Resources } from './resources';

/**
 * The bag with no more of its plain scalars than is allowed: of those that are neither reserved nor revocable nor shared. Everything else stays. What
 * can only be given as a whole stays whole or goes.
 *
 * @param allowanceMilli how much of a name may stay, in thousandths; Infinity does not limit it
 */
export function limitPlain(bag: Resources, allowanceMilli: (name: string) => number): Resources {
  const left = new Map<string, number>();
  const kept: Resource[] = [];
  let cut = false;
  for (const entry of bag.entries) {
    const { name, value } = entry;
    if (
      value.kind !== 'scalar' ||
      entry.reservations.length > 0 ||
      entry.revocable === true ||
      entry.shared === true
    ) {
      kept.push(entry);
      continue;
    }
    const allowed = Math.max(0, left.get(name) ?? allowanceMilli(name));
    const taken = allowed >= value.milli ? value.milli : isWhole(entry) ? 0 : allowed;
    left.set(name, allowed - taken);
    if (taken !== value.milli) cut = true;
    if (taken === value.milli) kept.push(entry);
    else if (taken > 0) kept.push({ ...entry, value: { kind: 'scalar', milli: taken } });
  }
  return cut ? Resources.of(kept) : bag;
}
