import { reservedRole, type Resource, type Resources } from '@meseta/model';
import type { Names } from '../names';
import { amountsOf, type Amounts } from './amounts';

/**
 * A bag of resources with what the allocator asks of it again and again, worked out once. Bags of equal content are one lot
 * ({@link Lots}), so that most comparisons are comparisons of references.
 */
export class Lot {
  /** All scalars: what counts for shares (A21). Copies of a shared volume count once (A27). */
  readonly scalars: Amounts;
  /** Scalars that are neither reserved nor revocable nor shared: what counts for quota, and may be cut. */
  readonly plain: Amounts;
  /** By the role that they are reserved to. */
  readonly reserved: readonly { readonly role: string; readonly amounts: Amounts }[];
  /** Nothing is reserved, revocable or shared: every framework sees the same. */
  readonly isSimple: boolean;
  readonly hasShared: boolean;
  readonly hasRevocable: boolean;
  /** There is nothing in it but shared volumes, which stay free though they are held: alone they would be offered for ever. */
  readonly isOnlyShared: boolean;
  /** How much of each name, ranges and sets counted by their members; made when first asked for. */
  #quantities: ReadonlyMap<string, number> | undefined;
  /** Whether it holds the cluster's least that is worth an offer; the first who asks works it out. */
  isWorthOffering: boolean | undefined;
  /** Filters that refer to it; see `OfferFilters`. */
  filterRefs = 0;
  filterSlot = -1;
  /** The last sum and difference that were asked for: agents of one kind ask for the same over and over. */
  lastPlus: { readonly other: Lot; readonly result: Lot } | undefined;
  lastMinus: { readonly other: Lot; readonly result: Lot } | undefined;
  /** What of it may be offered to a role by someone of certain capabilities; only for lots that are not simple. */
  readonly offerable = new Map<string, Lot>();

  constructor(
    readonly bag: Resources,
    names: Names,
  ) {
    const { entries } = bag;
    let isSimple = true;
    let hasShared = false;
    let hasRevocable = false;
    let isOnlyShared = entries.length > 0;
    for (const entry of entries) {
      if (entry.shared === true) hasShared = true;
      else isOnlyShared = false;
      if (entry.revocable === true) hasRevocable = true;
      if (entry.reservations.length > 0) isSimple = false;
    }
    this.hasShared = hasShared;
    this.hasRevocable = hasRevocable;
    this.isOnlyShared = isOnlyShared;
    this.isSimple = isSimple && !hasShared && !hasRevocable;
    this.scalars = amountsOf(hasShared ? bag.distinct() : entries, names, () => true);
    this.plain = this.isSimple ? this.scalars : amountsOf(entries, names, isPlain);
    this.reserved = isSimple ? [] : reservedOf(hasShared ? bag.distinct() : entries, names);
  }

  get isEmpty(): boolean {
    return this.bag.isEmpty;
  }

  get quantities(): ReadonlyMap<string, number> {
    return (this.#quantities ??= this.bag.quantities());
  }
}

/** Neither reserved nor revocable nor shared. */
export function isPlain(entry: Resource): boolean {
  return entry.reservations.length === 0 && entry.revocable !== true && entry.shared !== true;
}

function reservedOf(entries: readonly Resource[], names: Names): Lot['reserved'] {
  const byRole = new Map<string, Resource[]>();
  for (const entry of entries) {
    const role = reservedRole(entry);
    if (role === undefined) continue;
    const list = byRole.get(role);
    if (list === undefined) byRole.set(role, [entry]);
    else list.push(entry);
  }
  return [...byRole].map(([role, list]) => ({ role, amounts: amountsOf(list, names, () => true) }));
}
