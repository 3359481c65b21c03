import type { FrameworkId } from '@meseta/model';
import type { RoleTree } from '../role-tree';

/**
 * Who comes first. A policy sees shares and names and returns an order; it never sees or changes what is free, so
 * no policy can give a resource out twice.
 */
export interface Policy {
  /** For logs and explanations. */
  readonly name: string;
  /** Roles with a framework that may be offered something, most deserving first. */
  orderRoles(roles: readonly string[], tree: RoleTree): readonly string[];
  /** Frameworks of one role, most deserving first. */
  orderFrameworks(role: string, frameworks: readonly FrameworkId[], tree: RoleTree): readonly FrameworkId[];
}
