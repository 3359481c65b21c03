import type { Quota } from '../quota/quota';
import type { Order } from './order';
import type { Rank } from './rank';
import type { Seat } from './seat';

/** One role of the tree. */
export interface RoleNode {
  readonly path: string;
  readonly parent: RoleNode | undefined;
  /** The role at the top of its branch: the one whose quota counts. */
  readonly top: RoleNode;
  readonly children: Map<string, RoleNode>;
  /** Every seat of exactly this role, whether it wants offers or not. */
  readonly seats: Set<Seat>;
  /** Its place among the roles beside it. */
  readonly rank: Rank;
  /** The place of its own frameworks among the roles below it: they compete as if in a role of their own there (A25). */
  readonly ownRank: Rank;
  /** Roles below, and its own frameworks, as far as they want offers. */
  readonly entries: Order;
  /** Its own frameworks that want offers. */
  readonly wanting: Order;
  /** Of a role at the top that has a quota. */
  quota: Quota | undefined;
  /** Its place among the roles whose guarantee is not met. */
  readonly hungryRank: Rank;
  isHungry: boolean;
  /** Agents on which something is reserved to it: while there are any, the role is known (R23). */
  pins: number;
}
