import { hashOfName } from '../draw';
import type { Contender } from '../policy/policy';
import type { RoleNode } from './role-node';
import type { Seat } from './seat';
import type { Shares } from './shares';

/** One contender's place in an {@link Order}: its amounts, and the key that its sorter gave it last. */
export class Rank implements Contender {
  key = 0;
  /** As its order last saw it. */
  offers = 0;
  offersNow = 0;
  weight = 1;
  /** Whether it is in its order now: only who may be offered something is. */
  isListed = false;
  /** Its amounts changed since its key was asked for. */
  isMoved = false;
  readonly hash: number;

  constructor(
    /** Its number among all contenders. */
    readonly id: number,
    readonly name: string,
    /** Its row in the table of what is held. */
    readonly row: number,
    readonly owner:
      | { readonly kind: 'seat'; readonly seat: Seat }
      | { readonly kind: 'role' | 'own' | 'hungry'; readonly role: RoleNode },
    private readonly shares: Shares,
  ) {
    this.hash = hashOfName(name);
  }

  get share(): number {
    return this.shares.dominantShare(this.row);
  }

  held(name: string): number {
    return this.shares.heldUnits(this.row, name);
  }
}

/** Who comes first: the smaller key, then who was offered less often, then the name (A21). */
export function compareRanks(a: Rank, b: Rank): number {
  return a.key - b.key || a.offers - b.offers || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
