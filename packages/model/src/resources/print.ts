import { printRanges } from '../values/ranges';
import { fromMilli } from '../values/scalar';
import { printItems } from '../values/sets';
import type { Resource, ResourceValue } from './resource';

/**
 * One entry as an operator writes it: `mem(web):1024`.
 *
 * What the syntax cannot say is added in square brackets before the colon, for the reader of a log: `disk(web)[dynamic,volume v1]:10`.
 * Such text is not read back.
 */
export function printResource(resource: Resource): string {
  const role = resource.reservations.map((reservation) => reservation.role).at(-1);
  const notes = notesOf(resource);
  return `${resource.name}${role === undefined ? '' : `(${role})`}${notes.length === 0 ? '' : `[${notes.join(',')}]`}:${printValue(resource.value)}`;
}

function notesOf({ reservations, disk, revocable, shared, providerId }: Resource): string[] {
  const notes: string[] = [];
  if (reservations.length > 1) notes.push('refined');
  if (reservations.some((reservation) => reservation.type === 'DYNAMIC')) notes.push('dynamic');
  if (disk?.source !== undefined)
    notes.push([disk.source.type, disk.source.id, disk.source.root].filter(Boolean).join(' '));
  if (disk?.persistence !== undefined) notes.push(`volume ${disk.persistence.id}`);
  if (revocable === true) notes.push('revocable');
  if (shared === true) notes.push('shared');
  if (providerId !== undefined) notes.push(`provider ${providerId}`);
  return notes;
}

function printValue(value: ResourceValue): string {
  switch (value.kind) {
    case 'scalar':
      return String(fromMilli(value.milli));
    case 'ranges':
      return printRanges(value.ranges);
    case 'set':
      return printItems(value.items);
  }
}
