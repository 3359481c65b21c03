import type { Lot } from './lots/lot';
import type { Seat } from './roles/seat';
import type { AllocatorOptions } from './state';

/** Whether a lot holds the least that is worth an offer (R65): the framework's own for the role if it says, else the cluster's. */
export function isWorthOffering(lot: Lot, seat: Seat, options: AllocatorOptions): boolean {
  const own = seat.framework?.least;
  const least = own === undefined || own.size === 0 ? undefined : own.get(seat.role.path);
  return least === undefined ? isWorthOfferingAtAll(lot, options) : holdsOneOf(lot, least);
}

/** Whether a lot holds the cluster's least. */
export function isWorthOfferingAtAll(lot: Lot, { minAllocatable }: AllocatorOptions): boolean {
  return (lot.isWorthOffering ??= holdsOneOf(lot, minAllocatable));
}

/** The least that counts for a seat. */
export function leastFor(
  seat: Seat,
  { minAllocatable }: AllocatorOptions,
): AllocatorOptions['minAllocatable'] {
  return seat.framework?.least.get(seat.role.path) ?? minAllocatable;
}

function holdsOneOf(lot: Lot, least: AllocatorOptions['minAllocatable']): boolean {
  if (least.length === 0) return true;
  return least.some((amounts) => {
    for (const [name, milli] of amounts) if ((lot.quantities.get(name) ?? 0) < milli) return false;
    return true;
  });
}
