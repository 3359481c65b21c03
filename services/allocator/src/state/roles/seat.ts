import type { FrameworkId } from '@meseta/model';
import type { SeatDemands } from '../demand/seat-demands';
import type { Framework } from '../state';
import type { Rank } from './rank';
import type { RoleNode } from './role-node';

/**
 * One framework in one role: who may be offered something, and who holds something. It exists as long as the framework has the role or holds something
 * in it, and has a number, which is its bit in every row of bits.
 */
export interface Seat {
  readonly id: number;
  readonly frameworkId: FrameworkId;
  readonly role: RoleNode;
  readonly rank: Rank;
  /** Undefined while the framework is not known, or no longer has the role. */
  framework: Framework | undefined;
  /** On how many agents it holds something. */
  holdings: number;
  /** Offers that are not answered yet. */
  outstanding: number;
  /** What it asked for, if it asked for something in particular. */
  demands: SeatDemands | undefined;
}
