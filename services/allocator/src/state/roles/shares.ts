import type { FrameworkId } from '@meseta/model';
import { DenseIds } from '../dense-ids';
import type { Amounts } from '../lots/amounts';
import type { Names } from '../names';
import type { Sorter } from '../policy/policy';
import { Sums } from '../sums';
import { Order } from './order';
import { Rank } from './rank';
import type { RoleNode } from './role-node';
import type { Seat } from './seat';

/**
 * Who holds how much of what there is, by role and by framework, and who comes first by it.
 *
 * Every role's subtree is summed up (A25). A holding moves its seat and the roles above it, and nobody else; only when the totals of the cluster have
 * changed is everyone's share asked for again, once a turn.
 */
export class Shares {
  /** Contenders for what there is: the roles at the top that want offers. */
  readonly top: Order;
  /** Of those, the roles whose guarantee is not met. */
  readonly hungry: Order;
  private readonly roles = new Map<string, RoleNode>();
  private readonly weights = new Map<string, number>();
  private readonly held = new Sums();
  private readonly totals = new Sums();
  private readonly rows = new DenseIds();
  /** Every contender by its number. */
  private readonly ranks: (Rank | undefined)[] = [];
  private readonly rankIds = new DenseIds();
  private readonly moved: Rank[] = [];
  private totalsChanged = false;

  constructor(
    private readonly names: Names,
    private readonly roleSorter: Sorter,
    private readonly frameworkSorter: Sorter,
    /** Names that do not count for fairness (A26). */
    private readonly excluded: ReadonlySet<string>,
  ) {
    this.top = new Order(roleSorter, this.ranks);
    this.hungry = new Order(roleSorter, this.ranks);
  }

  knownRoles(): IterableIterator<RoleNode> {
    return this.roles.values();
  }

  find(path: string): RoleNode | undefined {
    return this.roles.get(path);
  }

  /** The node of a role, made when it is first named. */
  role(path: string): RoleNode {
    const known = this.roles.get(path);
    if (known !== undefined) return known;
    const cut = path.lastIndexOf('/');
    const parent = cut < 0 ? undefined : this.role(path.slice(0, cut));
    const node: { -readonly [K in keyof RoleNode]: RoleNode[K] } = {
      path,
      parent,
      children: new Map(),
      seats: new Set(),
      entries: new Order(this.roleSorter, this.ranks),
      wanting: new Order(this.frameworkSorter, this.ranks),
      quota: undefined,
      isHungry: false,
      pins: 0,
    } as unknown as RoleNode;
    node.top = parent?.top ?? node;
    node.rank = this.newRank(path, this.rows.take(), { kind: 'role', role: node });
    node.rank.weight = this.weights.get(path) ?? 1;
    node.ownRank = this.newRank(path, this.rows.take(), { kind: 'own', role: node });
    // It is its role's second place, so it reads the same row.
    node.hungryRank = this.newRank(path, node.rank.row, { kind: 'hungry', role: node });
    node.hungryRank.weight = node.rank.weight;
    parent?.children.set(path, node);
    this.roles.set(path, node);
    return node;
  }

  newSeatRank(frameworkId: FrameworkId, seat: Seat): Rank {
    return this.newRank(frameworkId, this.rows.take(), { kind: 'seat', seat });
  }

  weightOf(path: string): number {
    return this.weights.get(path) ?? 1;
  }

  setWeight(path: string, weight: number): void {
    if (weight === 1) this.weights.delete(path);
    else this.weights.set(path, weight);
    const node = this.roles.get(path);
    if (node === undefined) return;
    for (const rank of [node.rank, node.hungryRank]) {
      rank.weight = weight;
      this.move(rank);
    }
  }

  /** Lists a seat among those who want offers, or takes it off. The roles above follow. */
  setWanting(seat: Seat, wants: boolean): void {
    this.settle();
    if (seat.rank.isListed === wants) return;
    const { role, rank } = seat;
    if (wants) role.wanting.insert(rank);
    else role.wanting.remove(rank);
    this.listIf(role.wanting.size > 0, role.ownRank, role.entries);
    for (let at: RoleNode | undefined = role; at !== undefined; at = at.parent)
      this.listIf(at.entries.size > 0, at.rank, at.parent?.entries ?? this.top);
    this.listHungry(role.top);
  }

  /** Whether a role's guarantee is not met. Takes effect with the next {@link settle}, since it changes while an order is gone through. */
  setHungry(role: RoleNode, isHungry: boolean): void {
    if (role.isHungry === isHungry) return;
    role.isHungry = isHungry;
    this.move(role.hungryRank);
  }

  addTotal(amounts: Amounts, sign: 1 | -1): void {
    this.totals.add(0, amounts, sign);
    this.totalsChanged = true;
  }

  /** Counts amounts as held (1) or no longer held (-1) by a seat and by every role above it. */
  hold(seat: Seat, amounts: Amounts, sign: 1 | -1): void {
    const offers = sign > 0 ? 1 : 0;
    this.count(seat.rank, amounts, sign, offers);
    this.count(seat.role.ownRank, amounts, sign, offers);
    for (let at: RoleNode | undefined = seat.role; at !== undefined; at = at.parent)
      this.count(at.rank, amounts, sign, offers);
    const { top } = seat.role;
    top.hungryRank.offersNow += offers;
    if (top.quota !== undefined) this.move(top.hungryRank);
  }

  /** Counts amounts of one contender alone: of shared volumes, each counts what is new to it. */
  count(rank: Rank, amounts: Amounts, sign: 1 | -1, offers = 0): void {
    this.held.add(rank.row, amounts, sign);
    rank.offersNow += offers;
    this.move(rank);
  }

  /** Brings everybody whose amounts changed to their place. Orders are in order only after it. */
  settle(): void {
    if (this.totalsChanged) return this.settleAll();
    for (let rank = this.moved.pop(); rank !== undefined; rank = this.moved.pop()) {
      rank.isMoved = false;
      if (rank.isListed) this.orderOf(rank).settle(rank);
      else rank.offers = rank.offersNow;
      if (rank.owner.kind === 'hungry') this.listHungry(rank.owner.role);
    }
  }

  /** The largest fraction that a row is of the cluster's total, over all names that count (A21). */
  dominantShare(row: number): number {
    let share = 0;
    for (let name = 0; name < this.names.size; name++) {
      const held = this.held.at(row, name);
      if (held === 0 || (this.excluded.size > 0 && this.excluded.has(this.names.nameOf(name)))) continue;
      const total = this.totals.at(0, name);
      if (total > 0) share = Math.max(share, held / total);
    }
    return share;
  }

  /** A role's dominant share, its subtree included, divided by its weight (A22). */
  roleShare(path: string): number {
    const node = this.roles.get(path);
    return node === undefined ? 0 : this.dominantShare(node.rank.row) / node.rank.weight;
  }

  heldUnits(row: number, name: string): number {
    return this.held.at(row, this.names.idOf(name)) / 1000;
  }

  totalMilli(name: number): number {
    return this.totals.at(0, name);
  }

  /** Forgets a seat that holds nothing and wants nothing, and roles that nobody has any more. */
  forget(seat: Seat): void {
    this.setWanting(seat, false);
    this.settle();
    this.dropRank(seat.rank, true);
    seat.role.seats.delete(seat);
    this.forgetRole(seat.role);
  }

  /** Forgets a role, and those above it, if nothing needs it: no framework, no role below, no quota. */
  forgetRole(role: RoleNode): void {
    for (let at: RoleNode | undefined = role; at !== undefined; at = at.parent) {
      if (at.seats.size > 0 || at.children.size > 0 || at.quota !== undefined || at.pins > 0) return;
      this.settle();
      this.roles.delete(at.path);
      at.parent?.children.delete(at.path);
      this.dropRank(at.rank, true);
      this.dropRank(at.ownRank, true);
      this.dropRank(at.hungryRank, false);
    }
  }

  private newRank(name: string, row: number, owner: Rank['owner']): Rank {
    const rank = new Rank(this.rankIds.take(), name, row, owner, this);
    this.ranks[rank.id] = rank;
    return rank;
  }

  private dropRank(rank: Rank, ownsRow: boolean): void {
    this.ranks[rank.id] = undefined;
    this.rankIds.giveBack(rank.id);
    if (!ownsRow) return;
    this.held.clear(rank.row);
    this.rows.giveBack(rank.row);
  }

  private move(rank: Rank): void {
    if (rank.isMoved) return;
    rank.isMoved = true;
    this.moved.push(rank);
  }

  private listHungry(role: RoleNode): void {
    this.listIf(role.isHungry && role.rank.isListed, role.hungryRank, this.hungry);
  }

  private settleAll(): void {
    this.totalsChanged = false;
    const { moved } = this;
    for (const rank of moved) {
      rank.isMoved = false;
      rank.offers = rank.offersNow;
    }
    this.top.settleAll();
    this.hungry.settleAll();
    for (const role of this.roles.values()) {
      role.entries.settleAll();
      role.wanting.settleAll();
    }
    for (const { owner } of moved) if (owner.kind === 'hungry') this.listHungry(owner.role);
    moved.length = 0;
  }

  private listIf(wants: boolean, rank: Rank, order: Order): void {
    if (rank.isListed === wants) return;
    if (wants) order.insert(rank);
    else order.remove(rank);
  }

  private orderOf({ owner }: Rank): Order {
    switch (owner.kind) {
      case 'seat':
        return owner.seat.role.wanting;
      case 'own':
        return owner.role.entries;
      case 'hungry':
        return this.hungry;
      case 'role':
        return owner.role.parent?.entries ?? this.top;
    }
  }
}
