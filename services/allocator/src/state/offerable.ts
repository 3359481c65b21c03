import { isWithin, reservedRole, type Resource } from '@meseta/model';
import type { Lot } from './lots/lot';
import type { Lots } from './lots/lots';
import type { Seat } from './roles/seat';

/**
 * What of a lot may be offered to a framework in a role: what is not reserved or reserved to the role or above it (R28), revocable resources and shared volumes to those who can take
 * them (S40, S43), refined reservations to those who know them (S46).
 */
export function offerableTo(lots: Lots, lot: Lot, seat: Seat): Lot {
  if (lot.isSimple) return lot;
  const can = seat.framework?.capabilities;
  const revocable = can?.has('REVOCABLE_RESOURCES') === true;
  const shared = can?.has('SHARED_RESOURCES') === true;
  const refined = can?.has('RESERVATION_REFINEMENT') === true;
  const key = `${revocable ? 'r' : ''}${shared ? 's' : ''}${refined ? 'f' : ''}:${seat.role.path}`;
  let offerable = lot.offerable.get(key);
  if (offerable !== undefined) return offerable;
  const allowed = (entry: Resource): boolean => {
    const reserved = reservedRole(entry);
    if (reserved !== undefined && !isWithin(seat.role.path, reserved)) return false;
    if (entry.revocable === true && !revocable) return false;
    if (entry.shared === true && !shared) return false;
    return entry.reservations.length < 2 || refined;
  };
  offerable = lots.of(lot.bag.filter(allowed));
  if (lot.offerable.size >= rememberedMax) lot.offerable.clear();
  lot.offerable.set(key, offerable);
  return offerable;
}

/** Answers that one lot remembers. */
const rememberedMax = 1024;
