import type { FrameworkId, Resources } from '@meseta/model';

/**
 * Who holds how much, by role and framework, with every role's subtree summed up (A25).
 *
 * Quantities are thousandths of scalars: ranges and sets have no share (A21).
 */
export class RoleTree {
  /** All there is in the cluster. */
  readonly total = new Map<string, number>();
  private readonly roles = new Map<string, RoleNode>();
  private readonly weights = new Map<string, number>();

  /** The node of a role, made when it is first named. */
  role(path: string): RoleNode {
    const known = this.roles.get(path);
    if (known !== undefined) return known;
    const cut = path.lastIndexOf('/');
    const parent = cut < 0 ? undefined : this.role(path.slice(0, cut));
    const node: RoleNode = { path, parent, held: new Map(), frameworks: new Map() };
    this.roles.set(path, node);
    return node;
  }

  knownRoles(): Iterable<RoleNode> {
    return this.roles.values();
  }

  weightOf(path: string): number {
    return this.weights.get(path) ?? 1;
  }

  setWeight(path: string, weight: number): void {
    this.weights.set(path, weight);
  }

  addTotal(resources: Resources, sign: 1 | -1): void {
    sumInto(this.total, resources, sign);
  }

  /** Counts resources as held (1) or no longer held (-1) by a framework in a role and in every role above it. */
  hold(path: string, frameworkId: FrameworkId, resources: Resources, sign: 1 | -1): void {
    const node = this.role(path);
    let own = node.frameworks.get(frameworkId);
    if (own === undefined) node.frameworks.set(frameworkId, (own = new Map<string, number>()));
    sumInto(own, resources, sign);
    if (own.size === 0) node.frameworks.delete(frameworkId);
    for (let at: RoleNode | undefined = node; at !== undefined; at = at.parent)
      sumInto(at.held, resources, sign);
  }

  /** The largest fraction that these quantities are of the cluster's total, over all names (A21). */
  dominantShare(held: ReadonlyMap<string, number> | undefined): number {
    let share = 0;
    if (held === undefined) return share;
    for (const [name, milli] of held) {
      const total = this.total.get(name) ?? 0;
      if (total > 0) share = Math.max(share, milli / total);
    }
    return share;
  }

  /** A role's dominant share, its subtree included, divided by its weight (A22). */
  roleShare(path: string): number {
    return this.dominantShare(this.role(path).held) / this.weightOf(path);
  }

  frameworkShare(path: string, frameworkId: FrameworkId): number {
    return this.dominantShare(this.role(path).frameworks.get(frameworkId));
  }
}

export interface RoleNode {
  readonly path: string;
  readonly parent: RoleNode | undefined;
  /** Held by this role and all below it. */
  readonly held: Map<string, number>;
  /** Held by each framework in exactly this role. */
  readonly frameworks: Map<FrameworkId, Map<string, number>>;
}

function sumInto(sums: Map<string, number>, resources: Resources, sign: 1 | -1): void {
  for (const { name, value } of resources.entries) {
    if (value.kind !== 'scalar') continue;
    const sum = (sums.get(name) ?? 0) + sign * value.milli;
    if (sum === 0) sums.delete(name);
    else sums.set(name, sum);
  }
}
