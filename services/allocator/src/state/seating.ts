import type { Seat } from './roles/seat';
import type { AllocatorState } from './state';

/** Every table has a row for each agent and a bit for each seat. */
export function reserveRows({ agents, seats, refusals, eligibility }: AllocatorState): void {
  refusals.reserve(agents.indexBound, seats.bound);
  eligibility.reserve(agents.indexBound, seats.bound);
}

/** Forgets a seat if its framework does not have the role any more and holds nothing in it. */
export function giveBackSeat(state: AllocatorState, seat: Seat): void {
  if (seat.framework !== undefined || seat.holdings > 0) return;
  if (state.seats.find(seat.frameworkId, seat.role.path) !== seat) return;
  state.refusals.forgetSeat(seat, state.agents.all());
  state.eligibility.seatRemoved(seat, state.agents.all());
  state.seats.giveBack(seat);
}
