import type { FrameworkId, Instant } from '@meseta/model';
import type { Agent } from './agents/agent';
import type { Command, FrameworkDescription } from './command';
import { SeatDemands } from './demand/seat-demands';
import { holdingOf, release } from './holdings';
import type { Seat } from './roles/seat';
import { giveBackSeat, reserveRows } from './seating';
import type { AllocatorState, Framework } from './state';
import { outstandingOf, settleWanting, updateWanting } from './wanting';

/** A framework came or changed. One that was away comes back without filters (A41). */
export function stepFrameworkChanged(state: AllocatorState, description: FrameworkDescription): void {
  const { frameworkId: id } = description;
  const known = state.frameworks.get(id);
  const framework: Framework = {
    id,
    name: description.name,
    roles: description.roles,
    suppressed: new Set(description.suppressedRoles),
    active: description.active,
    capabilities: new Set(description.capabilities),
    constraints: description.constraints ?? new Map(),
    least: description.least ?? new Map(),
  };
  state.frameworks.set(id, framework);
  const staysActive = known?.active === true && framework.active;
  // New seats first, so that a role that stays in use is known throughout.
  for (const role of framework.roles) sit(state, framework, role);
  for (const role of known?.roles ?? []) {
    const seat = state.seats.find(id, role);
    if (seat === undefined) continue;
    if (!staysActive || !framework.roles.includes(role)) forgetFilters(state, seat);
    if (!framework.active) seat.demands = undefined;
    if (!framework.roles.includes(role)) leave(state, seat);
  }
  if (!framework.active) state.inverseOffers.forgetFramework(id);
  setOwnLeast(state, framework);
  updateWanting(state, framework);
  settleWanting(state);
  if (framework.active) {
    state.agents.markEvery();
    state.inverseOffers.mark();
  }
}

/** A framework left. What it holds is recovered by messages of its own. */
export function stepFrameworkRemoved(state: AllocatorState, id: FrameworkId): void {
  const framework = state.frameworks.get(id);
  if (framework === undefined) return;
  state.frameworks.delete(id);
  state.ownLeast.delete(id);
  state.inverseOffers.forgetFramework(id);
  for (const role of framework.roles) {
    const seat = state.seats.find(id, role);
    if (seat === undefined) continue;
    forgetFilters(state, seat);
    leave(state, seat);
  }
}

/**
 * Resources came back, from an offer or from a task that ended. What a framework refused is not offered to it again for a while (A40), and never before an allocation interval has passed: what is
 * free is offered at once, so who refuses it for no time would be asked and would refuse without end.
 */
export function stepRecovered(
  state: AllocatorState,
  command: Extract<Command, { kind: 'recovered' }>,
  now: Instant,
): void {
  const { agentId, frameworkId, role, refuseMs, unused, offers } = command;
  const agent = state.agents.find(agentId);
  const seat = state.seats.find(frameworkId, role);
  if (seat === undefined) return;
  const lot = state.lots.of(command.resources);
  if (agent !== undefined) {
    if (offers !== undefined && offers > 0) answered(state, agent, seat, offers);
    release(state, agent, seat, lot);
    state.agents.mark(agent);
    giveBackSeat(state, seat);
  }
  const { framework, demands } = seat;
  if (framework === undefined) return;
  if (unused === true && demands !== undefined) {
    demands.cameBack(command.tasks ?? demands.tasksOf(lot.bag));
    updateWanting(state, framework);
    state.agents.markEvery();
  }
  const isRefused = unused === true ? refuseMs >= 0 : refuseMs > 0;
  if (agent !== undefined && isRefused && framework.active)
    state.refusals.add(agent, seat, lot, now + Math.max(state.options.allocationIntervalMs, refuseMs), now);
}

/** Offers of a framework have been answered. */
export function stepAccepted(
  state: AllocatorState,
  { agentId, frameworkId, role, offers }: Extract<Command, { kind: 'accepted' }>,
): void {
  const agent = state.agents.find(agentId);
  const seat = state.seats.find(frameworkId, role);
  if (agent !== undefined && seat !== undefined) answered(state, agent, seat, offers);
}

/** A framework that had as many unanswered offers as it may have is offered something again. */
function answered(state: AllocatorState, agent: Agent, seat: Seat, offers: number): void {
  const holding = holdingOf(agent, seat);
  if (holding === undefined) return;
  const ended = Math.min(offers, holding.offers);
  holding.offers -= ended;
  seat.outstanding -= ended;
  const max = state.options.outstandingOffersMax;
  const { framework } = seat;
  if (max === 0 || framework === undefined) return;
  const outstanding = outstandingOf(state, framework);
  if (outstanding >= max || outstanding + ended < max) return;
  updateWanting(state, framework);
  state.agents.markEvery();
}

export function stepSuppressed(state: AllocatorState, id: FrameworkId, roles: readonly string[]): void {
  const framework = state.frameworks.get(id);
  if (framework === undefined) return;
  for (const role of roles.length === 0 ? framework.roles : roles) framework.suppressed.add(role);
  updateWanting(state, framework);
}

/** Offers again: filters are forgotten, and what was asked for in particular as well (S64). */
export function stepRevived(state: AllocatorState, id: FrameworkId, roles: readonly string[]): void {
  const framework = state.frameworks.get(id);
  if (framework === undefined) return;
  for (const role of roles.length === 0 ? framework.roles : roles) {
    framework.suppressed.delete(role);
    const seat = state.seats.find(id, role);
    if (seat === undefined) continue;
    seat.demands = undefined;
    state.seats.updateClosed(seat);
    forgetFilters(state, seat);
  }
  setOwnLeast(state, framework);
  state.inverseOffers.revive(id);
  updateWanting(state, framework);
  state.agents.markEvery();
}

/** What the framework asks for in place of all that it asked for before. What it declined may be just that, so filters are forgotten. */
export function stepDemanded(
  state: AllocatorState,
  { frameworkId: id, demands, remaining }: Extract<Command, { kind: 'demanded' }>,
): void {
  const framework = state.frameworks.get(id);
  if (framework === undefined) return;
  for (const role of framework.roles) {
    const seat = state.seats.find(id, role);
    if (seat === undefined) continue;
    const own = demands.filter((demand) => demand.role === role);
    if (own.length === 0 && seat.demands === undefined) continue;
    seat.demands = own.length === 0 ? undefined : new SeatDemands(own, remaining);
    state.seats.updateClosed(seat);
    if (own.length === 0) continue;
    framework.suppressed.delete(role);
    forgetFilters(state, seat);
  }
  setOwnLeast(state, framework);
  updateWanting(state, framework);
  state.agents.markEvery();
}

/** The framework takes its seat in a role. */
function sit(state: AllocatorState, framework: Framework, role: string): void {
  const seat = state.seats.take(framework.id, role);
  const canNow = seat.framework?.capabilities;
  seat.framework = framework;
  reserveRows(state);
  state.eligibility.seatChanged(seat, state.agents.all());
  state.seats.updateClosed(seat);
  // What may be offered to it, and so what its filters refuse, depends on what it can take.
  if (canNow !== undefined && !isSame(canNow, framework.capabilities))
    for (const agent of state.agents.all()) agent.refusedFor = undefined;
}

/** The framework no longer has the role. The seat stays while something is held on it. */
function leave(state: AllocatorState, seat: Seat): void {
  seat.framework = undefined;
  seat.demands = undefined;
  state.eligibility.seatChanged(seat, state.agents.all());
  state.seats.setWanting(seat, false);
  state.shares.setWanting(seat, false);
  giveBackSeat(state, seat);
}

function forgetFilters(state: AllocatorState, seat: Seat): void {
  state.refusals.forgetSeat(seat, state.agents.all());
}

function setOwnLeast(state: AllocatorState, framework: Framework): void {
  const asks = framework.roles.some((role) => state.seats.find(framework.id, role)?.demands !== undefined);
  if (framework.least.size > 0 || asks) state.ownLeast.add(framework.id);
  else state.ownLeast.delete(framework.id);
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one));
}
