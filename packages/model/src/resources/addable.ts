import type { DiskInfo, Label, Reservation, Resource } from './resource';

/**
 * Which entries may be summed into one (R11): those with equal keys and not {@link isWhole}.
 *
 * The key is a string so that comparing two entries is comparing two strings; the common entry, a plain amount, costs one concatenation.
 * The separator cannot occur in a name ({@link validateResources} refuses control characters).
 */
export function addableKey(resource: Resource): string {
  let key = `${resource.name}\u0000${resource.value.kind}\u0000${resource.allocationRole ?? ''}`;
  if (resource.reservations.length > 0) key += `\u0001${reservationsKey(resource)}`;
  if (resource.disk !== undefined) key += `\u0003${diskKey(resource.disk)}`;
  if (resource.revocable === true) key += '\u0004';
  if (resource.shared === true) key += '\u0005';
  if (resource.providerId !== undefined) key += `\u0006${resource.providerId}`;
  return key;
}

/**
 * Whether the entry is given out as a whole and never summed (R12): mounted and block disks, raw disks with an identity, persistent volumes, and what
 * is shared (whose copies are counted by repeating the entry).
 */
export function isWhole(resource: Resource): boolean {
  if (resource.shared === true) return true;
  const disk = resource.disk;
  if (disk === undefined) return false;
  if (disk.persistence !== undefined) return true;
  const source = disk.source;
  if (source === undefined) return false;
  return (
    source.type === 'MOUNT' || source.type === 'BLOCK' || (source.type === 'RAW' && source.id !== undefined)
  );
}

/** Equal for those with the same stack of reservations. */
export function reservationsKey({ reservations }: Pick<Resource, 'reservations'>): string {
  return reservations.map(reservationKey).join('\u0002');
}

function reservationKey(reservation: Reservation): string {
  return `${reservation.type}\u0000${reservation.role}\u0000${optional(reservation.principal)}\u0000${labelsKey(reservation.labels)}`;
}

/** Where a persistent volume is mounted, how, and who made it do not make it another: a task may ask for it otherwise (R43, R56). */
function diskKey({ persistence, source }: DiskInfo): string {
  const parts = [persistence === undefined ? '' : `p${persistence.id}`];
  if (source !== undefined) {
    parts.push(
      `s${source.type}\u0000${optional(source.root)}\u0000${optional(source.id)}\u0000${optional(source.profile)}\u0000` +
        `${optional(source.vendor)}\u0000${labelsKey(source.metadata)}`,
    );
  }
  return parts.join('\u0007');
}

/** Labels have no order: equal sets give equal keys. */
function labelsKey(labels: readonly Label[] | undefined): string {
  if (labels === undefined || labels.length === 0) return '';
  return JSON.stringify(
    labels.map(({ key, value }) => [key, value ?? null]).sort((a, b) => (String(a) < String(b) ? -1 : 1)),
  );
}

/** Absent and empty differ. */
function optional(text: string | undefined): string {
  return text === undefined ? '' : `=${text}`;
}
