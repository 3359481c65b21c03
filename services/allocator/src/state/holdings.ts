import type { Resources } from '@meseta/model';
import { holdingsOn, mayBeOffered, type Agent, type Holding } from './agents/agent';
import type { Lot } from './lots/lot';
import type { Lots } from './lots/lots';
import type { Seat } from './roles/seat';
import type { AllocatorState } from './state';

/** Counts a lot of an agent as held. Copies of shared volumes are held and stay free as well (R47). */
export function hold(state: AllocatorState, agent: Agent, seat: Seat, lot: Lot, offers = 0): void {
  const { lots, shares, quotas } = state;
  const before = lot.hasShared ? sharedOf(agent, seat) : undefined;
  const holding = holdingOf(agent, seat);
  if (holding === undefined) {
    agent.held = { seat, lot, offers, next: agent.held };
    seat.holdings += 1;
  } else {
    holding.lot = lots.plus(holding.lot, lot);
    holding.offers += offers;
  }
  seat.outstanding += offers;
  setFree(state, agent, lots.minus(agent.free, exclusive(lots, lot)));
  if (before === undefined) shares.hold(seat, lot.scalars, 1);
  else holdShared(state, agent, seat, lot, before, 1);
  quotas.allocate(seat.role, lot.plain, 1);
}

/**
 * Counts a lot as free again; returns what was. What was not held is not made free: the master may recover what an agent's new description has
 * already dropped.
 */
export function release(state: AllocatorState, agent: Agent, seat: Seat, lot: Lot): void {
  const { lots, shares, quotas } = state;
  const holding = holdingOf(agent, seat);
  if (holding === undefined) return;
  const before = lot.hasShared ? sharedOf(agent, seat) : undefined;
  const left = lots.minus(holding.lot, lot);
  const released = left.isEmpty ? holding.lot : lots.minus(holding.lot, left);
  if (left.isEmpty) {
    takeOff(agent, holding);
    seat.holdings -= 1;
    seat.outstanding -= holding.offers;
  } else holding.lot = left;
  if (agent.isOverheld) recount(state, agent);
  else setFree(state, agent, lots.plus(agent.free, exclusive(lots, released)));
  if (before === undefined) shares.hold(seat, released.scalars, -1);
  else holdShared(state, agent, seat, released, before, -1);
  quotas.allocate(seat.role, released.plain, -1);
}

/** Works out what is free from the total and what is held. */
export function recount(state: AllocatorState, agent: Agent): void {
  let free = agent.total;
  agent.isOverheld = false;
  for (const { lot } of holdingsOn(agent)) {
    const held = exclusive(state.lots, lot);
    if (!free.bag.contains(held.bag)) agent.isOverheld = true;
    free = state.lots.minus(free, held);
  }
  setFree(state, agent, free);
}

/** What a seat holds on an agent. They are few, so they are gone through. */
export function holdingOf(agent: Agent, seat: Seat): Holding | undefined {
  let { held } = agent;
  while (held !== undefined && held.seat !== seat) held = held.next;
  return held;
}

function takeOff(agent: Agent, holding: Holding): void {
  if (agent.held === holding) agent.held = holding.next;
  else for (const before of holdingsOn(agent)) if (before.next === holding) before.next = holding.next;
}

/** Forgets everything held on an agent, and makes all of it free. Returns who held something. */
export function releaseAll(state: AllocatorState, agent: Agent): readonly Seat[] {
  const holdings = [...holdingsOn(agent)];
  for (const { seat, lot } of holdings) release(state, agent, seat, lot);
  return holdings.map(({ seat }) => seat);
}

/** What is free of an agent, and so what is left for guarantees. */
export function setFree(state: AllocatorState, agent: Agent, free: Lot): void {
  if (mayBeOffered(agent)) {
    state.quotas.addAvailable(agent.free.plain, -1);
    state.quotas.addAvailable(free.plain, 1);
  }
  agent.free = free;
}

/** A lot without what stays free though it is held. */
export function exclusive(lots: Lots, lot: Lot): Lot {
  return lot.hasShared ? lots.of(lot.bag.filter((entry) => entry.shared !== true)) : lot;
}

/** What a seat and the roles above it hold of shared volumes on an agent, each volume once. */
function sharedOf(agent: Agent, seat: Seat): readonly Resources[] {
  return scopesOf(seat).map((holds) => sharedHeld(agent, holds));
}

/** Shared volumes count once for whoever holds them (A27), so a holding counts what is new with it. */
function holdShared(
  state: AllocatorState,
  agent: Agent,
  seat: Seat,
  lot: Lot,
  before: readonly Resources[],
  sign: 1 | -1,
): void {
  state.shares.hold(seat, exclusive(state.lots, lot).scalars, sign);
  const ranks = [seat.rank, seat.role.ownRank];
  for (let role: Seat['role'] | undefined = seat.role; role !== undefined; role = role.parent)
    ranks.push(role.rank);
  scopesOf(seat).forEach((holds, at) => {
    const rank = ranks[at];
    if (rank === undefined) return;
    state.shares.count(rank, state.lots.of(before[at] as Resources).scalars, -1);
    state.shares.count(rank, state.lots.of(sharedHeld(agent, holds)).scalars, 1);
  });
}

/** Whose holdings count for the seat, for its role's own frameworks, and for each role above. */
function scopesOf(seat: Seat): ((other: Seat) => boolean)[] {
  const scopes: ((other: Seat) => boolean)[] = [
    (other) => other === seat,
    (other) => other.role === seat.role,
  ];
  for (let role: Seat['role'] | undefined = seat.role; role !== undefined; role = role.parent) {
    const above = role;
    scopes.push((other) => other.role === above || other.role.path.startsWith(`${above.path}/`));
  }
  return scopes;
}

function sharedHeld(agent: Agent, holds: (seat: Seat) => boolean): Resources {
  let held = agent.total.bag.filter(() => false);
  for (const { seat, lot } of holdingsOn(agent))
    if (holds(seat) && lot.hasShared) held = held.add(lot.bag.filter((entry) => entry.shared === true));
  return held;
}
