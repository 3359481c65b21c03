import type { FrameworkId } from '@meseta/model';
import type { RoleTree } from '../role-tree';
import type { Policy } from './policy';

/**
 * Weighted dominant resource fairness: the smallest dominant share divided by weight comes first, ties by name.
 *
 * Roles are compared level by level: `eng/web` and `eng/ads` first compete as `eng` with everyone else, then with each
 * other. Source: Ghodsi et al., "Dominant Resource Fairness", NSDI 2011.
 */
export const drf: Policy = {
  name: 'drf',

  orderRoles(roles, tree) {
    return [...roles].sort((a, b) => compareRoles(a, b, tree));
  },

  orderFrameworks(role, frameworks, tree) {
    const shares = new Map(frameworks.map((id) => [id, tree.frameworkShare(role, id)] as const));
    return [...frameworks].sort((a, b) => share(shares, a) - share(shares, b) || compareNames(a, b));
  },
};

function compareRoles(a: string, b: string, tree: RoleTree): number {
  const pathA = a.split('/');
  const pathB = b.split('/');
  for (let depth = 1; depth <= Math.min(pathA.length, pathB.length); depth++) {
    const roleA = pathA.slice(0, depth).join('/');
    const roleB = pathB.slice(0, depth).join('/');
    if (roleA !== roleB) return tree.roleShare(roleA) - tree.roleShare(roleB) || compareNames(roleA, roleB);
  }
  // One is above the other: frameworks of an inner role compete as if in a role of their own below it (A25).
  return (
    innerShare(a, tree, pathB.length > pathA.length) - innerShare(b, tree, pathA.length > pathB.length) ||
    compareNames(a, b)
  );
}

/** The share of a role's own frameworks when it is the upper of two, else of its subtree. */
function innerShare(role: string, tree: RoleTree, isUpper: boolean): number {
  if (!isUpper) return tree.roleShare(role);
  let own = 0;
  for (const held of tree.role(role).frameworks.values()) own += tree.dominantShare(held);
  return own;
}

function share(shares: ReadonlyMap<FrameworkId, number>, id: FrameworkId): number {
  return shares.get(id) ?? 0;
}

function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
