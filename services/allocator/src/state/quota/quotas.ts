import { isDefaultQuota, type QuotaConfig } from '@meseta/model';
import type { Amounts } from '../lots/amounts';
import type { Lot } from '../lots/lot';
import type { Names } from '../names';
import type { Order } from '../roles/order';
import type { RoleNode } from '../roles/role-node';
import type { Shares } from '../roles/shares';
import { Sums } from '../sums';
import type { Quota } from './quota';

/**
 * Who has which quota, how much of it is consumed, and how much must be kept back for guarantees that are not met (the headroom).
 *
 * A role consumes what is reserved to it or below it, allocated or not, and what is allocated to it of the rest (A32). Only what is not reserved, not revocable and
 * not shared can be given to anyone, so only that counts as headroom.
 */
export class Quotas {
  /** Roles whose guarantee is not met and whose frameworks want offers, the most deserving first. */
  readonly hungry: Order;
  private readonly allocated = new Sums();
  private readonly reserved = new Sums();
  private readonly required = new Sums();
  private readonly available = new Sums();
  private readonly roles = new Set<RoleNode>();

  constructor(
    private readonly names: Names,
    private readonly shares: Shares,
    /** What an offer must hold one of to be worth it. */
    private readonly least: readonly ReadonlyMap<string, number>[],
    /** The role's limits have begun or ceased to leave nothing worth offering. */
    private readonly onSpent: (role: RoleNode) => void,
  ) {
    this.hungry = shares.hungry;
  }

  /** Whether any role has one. */
  get any(): boolean {
    return this.roles.size > 0;
  }

  list(): Iterable<RoleNode> {
    return this.roles;
  }

  /** Sets a role's quota; one without guarantees and limits is none (A35). */
  set(config: QuotaConfig): void {
    const { role: path, guarantees, limits } = config;
    const role = this.shares.role(path);
    const known = role.quota;
    if (known !== undefined) {
      for (const [name, milli] of known.unmet) this.require(name, -milli);
      this.shares.setHungry(role, false);
      role.quota = undefined;
      if (known.isSpent) this.onSpent(role);
      this.roles.delete(role);
    }
    if (!isDefaultQuota(config)) {
      role.quota = {
        guarantees: this.byNumber(guarantees),
        limits: this.byNumber(limits),
        unmet: new Map(),
        isSpent: false,
      };
      this.roles.add(role);
      this.update(role, role.quota);
    } else this.shares.forgetRole(role);
  }

  /** What is reserved on an agent that came (1) or went (-1). */
  addReserved({ reserved }: Lot, sign: 1 | -1): void {
    for (const { role: path, amounts } of reserved) {
      const role = this.shares.role(path);
      role.pins += sign;
      this.reserved.add(role.top.rank.row, amounts, sign);
      if (role.top.quota !== undefined) this.update(role.top, role.top.quota);
      this.shares.forgetRole(role);
    }
  }

  /** What is not reserved, and is allocated (1) to a role or no longer (-1). */
  allocate({ top }: RoleNode, amounts: Amounts, sign: 1 | -1): void {
    this.allocated.add(top.rank.row, amounts, sign);
    if (top.quota !== undefined) this.update(top, top.quota);
  }

  /** What is not reserved, and is free (1) on an agent that is offered, or no longer (-1). */
  addAvailable(amounts: Amounts, sign: 1 | -1): void {
    this.available.add(0, amounts, sign);
  }

  consumed(top: RoleNode, name: number): number {
    return this.allocated.at(top.rank.row, name) + this.reserved.at(top.rank.row, name);
  }

  /** How much of a name its limit still leaves to a role. */
  limitLeft({ top }: RoleNode, name: number): number {
    const limit = top.quota?.limits.get(name);
    return limit === undefined ? Infinity : Math.max(0, limit - this.consumed(top, name));
  }

  /** How much of a name is kept back for guarantees that are not met. */
  requiredHeadroom(name: number): number {
    return this.required.at(0, name);
  }

  /** How much of a name may be given to anyone without touching what is kept back. */
  surplus(name: number): number {
    const required = this.required.at(0, name);
    return required === 0 ? Infinity : Math.max(0, this.available.at(0, name) - required);
  }

  private update(role: RoleNode, quota: Quota): void {
    for (const [name, guarantee] of quota.guarantees) {
      const missing = Math.max(0, guarantee - this.consumed(role, name));
      const before = quota.unmet.get(name) ?? 0;
      if (missing === before) continue;
      this.require(name, missing - before);
      if (missing === 0) quota.unmet.delete(name);
      else quota.unmet.set(name, missing);
    }
    this.shares.setHungry(role, quota.unmet.size > 0);
    const isSpent = this.isSpent(role, quota);
    if (isSpent === quota.isSpent) return;
    quota.isSpent = isSpent;
    this.onSpent(role);
  }

  private require(name: number, milli: number): void {
    this.required.set(0, name, this.required.at(0, name) + milli);
  }

  /** Whether every offer that could be made within the limits is too little to be worth it. */
  private isSpent(role: RoleNode, quota: Quota): boolean {
    if (quota.limits.size === 0 || this.least.length === 0) return false;
    return this.least.every((least) => {
      for (const [name, milli] of least) if (this.limitLeft(role, this.names.idOf(name)) < milli) return true;
      return false;
    });
  }

  private byNumber(amounts: ReadonlyMap<string, number>): ReadonlyMap<number, number> {
    return new Map([...amounts].map(([name, milli]) => [this.names.idOf(name), milli]));
  }
}
