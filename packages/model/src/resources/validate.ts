import type { Failure } from '../failure';
import { failure } from '../failure';
import { defaultRole, isWithin, validateRole } from '../roles';
import { validateRanges } from '../values/ranges';
import { milliPerUnit } from '../values/scalar';
import type { Reservation, Resource } from './resource';

/**
 * The rules for entries from outside: names, amounts (R2, R3), gpus in whole numbers and never revocable (R62), disks only on disk, reservations to real roles (R29), each
 * strictly below the one before it (R27), nothing both reserved and revocable (R33).
 */
export function validateResources(entries: Iterable<Resource>): Failure | undefined {
  for (const entry of entries) {
    const refused = validateEntry(entry);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function validateEntry(entry: Resource): Failure | undefined {
  const field = `resource ${entry.name}`;
  const refuse = (rule: string): Failure => failure('invalid', `${field} ${rule}`, { field });
  if (entry.name.trim() === '')
    return failure('invalid', 'resource name must not be empty', { field: 'name' });
  if (/\p{Cc}/u.test(entry.name))
    return failure('invalid', 'resource name must not contain control characters', { field: 'name' });
  if (entry.value.kind === 'scalar' && (!Number.isSafeInteger(entry.value.milli) || entry.value.milli < 0)) {
    return refuse('must not be negative');
  }
  if (entry.value.kind === 'ranges') {
    const refused = validateRanges(field, entry.value.ranges);
    if (refused !== undefined) return refused;
  }
  const kind = kinds.get(entry.name);
  if (kind !== undefined && entry.value.kind !== kind)
    return refuse(`must be of kind ${kind}, not ${entry.value.kind}`);
  if (entry.name === 'gpus' && entry.value.kind === 'scalar' && entry.value.milli % milliPerUnit !== 0) {
    return refuse('must be a whole number');
  }
  if (entry.disk !== undefined && entry.name !== 'disk') return refuse('must not have disk information');
  if (entry.disk?.volume !== undefined && entry.disk.persistence === undefined)
    return refuse('must not have disk.volume without disk.persistence');
  if (entry.shared === true && entry.disk?.persistence === undefined)
    return refuse('must not be shared; only persistent volumes are');
  if (entry.revocable === true && entry.reservations.length > 0)
    return refuse('must not be both revocable and reserved');
  if (entry.revocable === true && entry.name === 'gpus') return refuse('must not be revocable');
  return validateReservations(field, entry.reservations);
}

/** The kinds of the names that have a meaning of their own (R6). */
const kinds: ReadonlyMap<string, 'scalar' | 'ranges'> = new Map([
  ['cpus', 'scalar'],
  ['mem', 'scalar'],
  ['disk', 'scalar'],
  ['gpus', 'scalar'],
  ['ports', 'ranges'],
  ['ephemeral_ports', 'ranges'],
]);

function validateReservations(field: string, reservations: readonly Reservation[]): Failure | undefined {
  let above: string | undefined;
  for (const [depth, { role, type }] of reservations.entries()) {
    const refusedRole = validateRole(role);
    if (refusedRole !== undefined) return failure('invalid', `${field}: ${refusedRole.message}`, { field });
    if (role === defaultRole) return failure('invalid', `${field} must not be reserved to '*'`, { field });
    if (depth > 0 && type === 'STATIC')
      return failure('invalid', `${field} must not refine with a static reservation`, { field });
    if (above !== undefined && (role === above || !isWithin(role, above))) {
      return failure('invalid', `${field}: role '${role}' must lie below '${above}' to refine it`, { field });
    }
    above = role;
  }
  return undefined;
}
