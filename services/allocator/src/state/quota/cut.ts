import { limitPlain } from '@meseta/model';
import type { Lot } from '../lots/lot';
import { noAmounts } from '../lots/amounts';
import type { Seat } from '../roles/seat';
import type { AllocatorState } from '../state';

/**
 * What a role whose guarantee is not met may be given in the first stage: what is reserved to it, what it is still guaranteed, and of everything else as much as its limits and the headroom of others leave.
 * Undefined when none of it helps to meet the guarantee, and nothing is reserved. Revocable resources guarantee nothing and wait for the second stage.
 */
export function withinGuarantee(
  { lots, names, quotas }: AllocatorState,
  lot: Lot,
  seat: Seat,
): Lot | undefined {
  const quota = seat.role.top.quota;
  if (quota === undefined || quota.unmet.size === 0) return undefined;
  const firm = lot.hasRevocable ? lots.of(lot.bag.nonRevocable()) : lot;
  let helps = firm.reserved.length > 0;
  for (const name of firm.plain.names) if (quota.unmet.has(name)) helps = true;
  if (!helps) return undefined;
  const allowance = (name: number): number =>
    quota.guarantees.has(name)
      ? (quota.unmet.get(name) ?? 0)
      : Math.min(quotas.limitLeft(seat.role, name), quotas.surplus(name));
  const cut = cutPlain(firm, allowance);
  return cut ? lots.of(limitPlain(firm.bag, (name) => allowance(names.idOf(name)))) : firm;
}

/** What a role may be given by fairness: within its limits, and not of what must be kept back for guarantees that are not met. */
export function beyondGuarantee({ lots, names, quotas }: AllocatorState, lot: Lot, seat: Seat): Lot {
  const allowance = (name: number): number =>
    Math.min(quotas.limitLeft(seat.role, name), quotas.surplus(name));
  const cut = lot.plain !== noAmounts && cutPlain(lot, allowance);
  return cut ? lots.of(limitPlain(lot.bag, (name) => allowance(names.idOf(name)))) : lot;
}

function cutPlain({ plain }: Lot, allowance: (name: number) => number): boolean {
  for (let i = 0; i < plain.names.length; i++)
    if ((plain.milli[i] as number) > allowance(plain.names[i] as number)) return true;
  return false;
}
