import type { FrameworkId } from '@meseta/model';
import { DenseIds } from '../dense-ids';
import type { RoleNode } from './role-node';
import type { Seat } from './seat';
import type { Shares } from './shares';

/** Every seat, by number and by who sits on it; and, as bits, who of them may be offered something now. */
export class Seats {
  /** A bit for each seat that wants offers. */
  wanting = new Int32Array(0);
  /** A bit for each seat whose role's limits leave nothing; only what is reserved or revocable may still be offered to it. */
  closed = new Int32Array(0);
  private readonly ids = new DenseIds();
  private readonly byId: (Seat | undefined)[] = [];
  private readonly byFramework = new Map<FrameworkId, Map<string, Seat>>();

  constructor(private readonly shares: Shares) {}

  /** All numbers of seats are below it. */
  get bound(): number {
    return this.ids.bound;
  }

  byNumber(id: number): Seat {
    return this.byId[id] as Seat;
  }

  *all(): Iterable<Seat> {
    for (const seat of this.byId) if (seat !== undefined) yield seat;
  }

  find(frameworkId: FrameworkId, role: string): Seat | undefined {
    return this.byFramework.get(frameworkId)?.get(role);
  }

  *of(frameworkId: FrameworkId): Iterable<Seat> {
    yield* [...(this.byFramework.get(frameworkId)?.values() ?? [])];
  }

  /** The seat of a framework in a role, made when it is first named. */
  take(frameworkId: FrameworkId, path: string): Seat {
    let roles = this.byFramework.get(frameworkId);
    const known = roles?.get(path);
    if (known !== undefined) return known;
    if (roles === undefined) this.byFramework.set(frameworkId, (roles = new Map<string, Seat>()));
    const role = this.shares.role(path);
    const seat = {
      id: this.ids.take(),
      frameworkId,
      role,
      framework: undefined,
      holdings: 0,
      outstanding: 0,
      demands: undefined,
    };
    const made: Seat = Object.assign(seat, {
      rank: this.shares.newSeatRank(frameworkId, seat as unknown as Seat),
    });
    this.byId[made.id] = made;
    roles.set(path, made);
    role.seats.add(made);
    const words = (this.ids.bound + 31) >>> 5;
    if (words > this.wanting.length) {
      this.wanting = longer(this.wanting, words);
      this.closed = longer(this.closed, words);
    }
    setBit(this.wanting, made.id, false);
    this.updateClosed(made);
    return made;
  }

  /** Whether the seat wants offers, as of now; its place in the orders follows when nobody goes through them. */
  setWanting(seat: Seat, wants: boolean): void {
    setBit(this.wanting, seat.id, wants);
  }

  isWanting(seat: Seat): boolean {
    return ((this.wanting[seat.id >>> 5] as number) & (1 << (seat.id & 31))) !== 0;
  }

  isClosed(seat: Seat): boolean {
    return ((this.closed[seat.id >>> 5] as number) & (1 << (seat.id & 31))) !== 0;
  }

  /** Closes or opens every seat of a branch, as its quota says. */
  updateClosedBelow(role: RoleNode): void {
    for (const seat of role.seats) this.updateClosed(seat);
    for (const child of role.children.values()) this.updateClosedBelow(child);
  }

  /** "Nothing worth offering" is said of the cluster's least, so it does not hold for who has a least of its own. */
  updateClosed(seat: Seat): void {
    const ownLeast = seat.framework?.least.has(seat.role.path) === true || seat.demands !== undefined;
    setBit(this.closed, seat.id, !ownLeast && seat.role.top.quota?.isSpent === true);
  }

  /** Forgets a seat that nobody sits on and that holds nothing. */
  giveBack(seat: Seat): void {
    this.setWanting(seat, false);
    this.byId[seat.id] = undefined;
    const roles = this.byFramework.get(seat.frameworkId);
    roles?.delete(seat.role.path);
    if (roles?.size === 0) this.byFramework.delete(seat.frameworkId);
    this.ids.giveBack(seat.id);
    this.shares.forget(seat);
  }
}

function longer(words: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(Math.max(length, words.length * 2));
  more.set(words);
  return more;
}

function setBit(words: Int32Array, bit: number, on: boolean): void {
  const at = bit >>> 5;
  if (on) words[at] = (words[at] as number) | (1 << (bit & 31));
  else words[at] = (words[at] as number) & ~(1 << (bit & 31));
}
