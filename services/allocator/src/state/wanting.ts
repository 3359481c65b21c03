import type { FrameworkId } from '@meseta/model';
import type { Seat } from './roles/seat';
import type { AllocatorState, Framework } from './state';

/** Why a seat wants no offers at all, in words; undefined when it does. */
export function whyNotWanting(seat: Seat, state: AllocatorState): string | undefined {
  const { framework, role, demands } = seat;
  if (framework === undefined) return `the framework is not subscribed to role ${role.path}`;
  if (!framework.active) return 'the framework is not connected';
  if (framework.suppressed.has(role.path)) return 'the framework suppressed offers for this role';
  if (demands !== undefined && !demands.isUnmet)
    return 'all that the framework asked for in this role has been offered';
  const max = state.options.outstandingOffersMax;
  const outstanding = max > 0 ? outstandingOf(state, framework) : 0;
  if (max > 0 && outstanding >= max)
    return `the framework has not answered ${outstanding} offers, and may have ${max}`;
  return undefined;
}

/** Offers that a framework has not answered. */
export function outstandingOf({ seats }: AllocatorState, { id, roles }: Framework): number {
  return roles.reduce((sum, role) => sum + (seats.find(id, role)?.outstanding ?? 0), 0);
}

/** A framework's seats may have begun or ceased to want offers: the bits know at once, the orders when nobody goes through them. */
export function updateWanting(state: AllocatorState, framework: Framework): void {
  for (const role of framework.roles) {
    const seat = state.seats.find(framework.id, role);
    if (seat !== undefined) state.seats.setWanting(seat, whyNotWanting(seat, state) === undefined);
  }
  state.unsettled.add(framework.id);
}

/** Lists those who want offers in the orders, and takes the others off. */
export function settleWanting(state: AllocatorState): void {
  if (state.unsettled.size === 0) return;
  for (const id of state.unsettled) settleSeats(state, id);
  state.unsettled.clear();
}

function settleSeats(state: AllocatorState, id: FrameworkId): void {
  for (const seat of state.seats.of(id)) {
    const wants = whyNotWanting(seat, state) === undefined;
    state.seats.setWanting(seat, wants);
    state.shares.setWanting(seat, wants);
  }
}
