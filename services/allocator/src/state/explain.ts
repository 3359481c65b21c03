import { fromMilli, roomFor, type FrameworkId, type Instant } from '@meseta/model';
import { isMetBy, type Demand } from './demand/seat-demands';
import type { Agent } from './agents/agent';
import type { Lot } from './lots/lot';
import { offerableTo } from './offerable';
import { beyondGuarantee } from './quota/cut';
import type { Seat } from './roles/seat';
import type { AllocatorState } from './state';
import { isHeld } from './step';
import { whyNotWanting } from './wanting';
import { isWorthOffering, leastFor } from './worth';

/** Why a framework is, or is not, offered resources in a role. */
export interface RoleExplanation {
  readonly role: string;
  readonly share: number;
  /** What stops every offer; empty when nothing does. */
  readonly blocked: string;
  readonly agents: readonly AgentExplanation[];
  readonly demands: readonly DemandExplanation[];
}

export interface AgentExplanation {
  readonly agentId: string;
  readonly hostname: string;
  readonly free: string;
  /** The filter that refuses; empty when the agent's resources may be offered. */
  readonly filter: string;
  readonly reason: string;
}

/** How it stands with one demand. */
export interface DemandExplanation {
  readonly id: string;
  readonly count: number;
  /** Tasks for which nothing has been offered, or for which it came back. */
  readonly remaining: number;
  /** The agent that comes nearest to having room for a task, and what it lacks; empty when an agent has room, or there is no agent. */
  readonly nearest: string;
}

export interface Refusal {
  readonly filter: string;
  readonly reason: string;
}

/** One explanation for each role asked about; undefined when the framework is not known here. */
export function explain(
  state: AllocatorState,
  frameworkId: FrameworkId,
  role: string,
  now: Instant,
): readonly RoleExplanation[] | undefined {
  const framework = state.frameworks.get(frameworkId);
  if (framework === undefined) return undefined;
  const roles = role === '' ? framework.roles : [role];
  return roles.map((one) => explainRole(state, state.seats.find(frameworkId, one), one, now));
}

function explainRole(
  state: AllocatorState,
  seat: Seat | undefined,
  role: string,
  now: Instant,
): RoleExplanation {
  const share = state.shares.roleShare(role);
  if (seat?.framework === undefined)
    return {
      role,
      share,
      blocked: `the framework is not subscribed to role ${role}`,
      agents: [],
      demands: [],
    };
  const held = isHeld(state, now)
    ? `offers wait until agents are back after the fail-over: ${state.agents.size} of ${state.hold.agents} are`
    : undefined;
  const demands = seat.demands?.list ?? [];
  const rooms = new Rooms(demands.flatMap(({ demand, remaining }) => (remaining > 0 ? [demand] : [])));
  const judged = [...state.agents.all()].map((agent) => judge(state, agent, seat, rooms, now));
  const candidates = candidatesIn(judged);
  return {
    role,
    share,
    blocked: held ?? whyNotWanting(seat, state) ?? '',
    agents: judged.map(({ agent, refused }) => ({
      agentId: agent.id,
      hostname: agent.hostname,
      free: agent.free.bag.toString(),
      filter: refused?.filter ?? '',
      reason: refused?.reason ?? '',
    })),
    demands: demands.map(({ demand, remaining }) => ({
      id: demand.id,
      count: demand.count,
      remaining,
      nearest: remaining === 0 ? '' : nearestTo(candidates, demand, rooms),
    })),
  };
}

/** One agent, as the seat is offered it: judged once for everything that is explained. */
interface Judged {
  readonly agent: Agent;
  /** What of it is for the seat, before quotas. */
  readonly lot: Lot;
  readonly refused: Refusal | undefined;
}

/** Which demands a lot has a task's room for, asked once for each lot: machines are bought by the dozen. */
class Rooms {
  private readonly byLot = new Map<Lot, ReadonlySet<Demand>>();

  constructor(private readonly demands: readonly Demand[]) {}

  in(lot: Lot): ReadonlySet<Demand> {
    let fitting = this.byLot.get(lot);
    if (fitting === undefined) {
      fitting = new Set(this.demands.filter(({ perTask }) => roomFor(lot.bag, perTask, 1).tasks > 0));
      this.byLot.set(lot, fitting);
    }
    return fitting;
  }
}

function judge(state: AllocatorState, agent: Agent, seat: Seat, rooms: Rooms, now: Instant): Judged {
  const lot = offerableTo(state.lots, agent.free, seat);
  return { agent, lot, refused: refusalOf(state, agent, seat, lot, rooms, now) };
}

/**
 * The first rule that speaks against offering anything of an agent to a seat, in the order in which a turn asks; undefined when none does. The slow words for what
 * the bits of a turn say fast.
 */
function refusalOf(
  state: AllocatorState,
  agent: Agent,
  seat: Seat,
  lot: Lot,
  rooms: Rooms,
  now: Instant,
): Refusal | undefined {
  if (agent.withheld !== '') return { filter: 'inactive', reason: agent.withheld };
  if (!agent.isListed)
    return { filter: 'whitelist', reason: `the whitelist does not name ${agent.hostname}` };
  const excluded = state.eligibility.why(agent, seat);
  if (excluded !== undefined) return excluded;
  if (lot.isEmpty || lot.isOnlyShared) return nothingFree(agent, seat);
  const within = state.quotas.any ? beyondGuarantee(state, lot, seat) : lot;
  return (
    (within === lot ? undefined : cutRefusal(state, lot, within, seat)) ??
    tooSmall(state, within, agent, seat, rooms) ??
    declined(state, agent, seat, within, now)
  );
}

function nothingFree(agent: Agent, { role }: Seat): Refusal {
  const reason = agent.free.isEmpty
    ? 'everything on the agent is offered or used'
    : `what is free on the agent is not for role ${role.path}`;
  return { filter: 'nothing-free', reason };
}

/** What quota leaves is not worth an offer. */
function cutRefusal(state: AllocatorState, lot: Lot, within: Lot, seat: Seat): Refusal | undefined {
  if (isWorthOffering(within, seat, state.options) || !isWorthOffering(lot, seat, state.options))
    return undefined;
  const { names, quotas } = state;
  const limited = lot.plain.names.filter((name) => quotas.limitLeft(seat.role, name) < Infinity);
  const spent = limited
    .filter((name) => quotas.limitLeft(seat.role, name) === 0)
    .map((name) => names.nameOf(name));
  if (spent.length > 0)
    return {
      filter: 'quota-limit',
      reason: `role ${seat.role.top.path} has all the ${spent.join(', ')} that its quota allows`,
    };
  const kept = lot.plain.names
    .filter((name) => quotas.requiredHeadroom(name) > 0)
    .map((name) => `${names.nameOf(name)}:${fromMilli(quotas.requiredHeadroom(name))}`);
  return { filter: 'headroom', reason: `${kept.join(';')} must be kept for the guarantees of other roles` };
}

function tooSmall(
  state: AllocatorState,
  within: Lot,
  agent: Agent,
  seat: Seat,
  rooms: Rooms,
): Refusal | undefined {
  const { demands } = seat;
  if (demands !== undefined) {
    if (!demands.isUnmet) return undefined;
    for (const demand of rooms.in(within)) if (isMetBy(demand, agent)) return undefined;
    return {
      filter: 'demand',
      reason: `no task that the framework asked for fits: ${within.bag.toString()} is free for it`,
    };
  }
  if (isWorthOffering(within, seat, state.options)) return undefined;
  const least = leastFor(seat, state.options).map((amounts) =>
    [...amounts].map(([name, milli]) => `${name}:${fromMilli(milli)}`).join(';'),
  );
  return { filter: 'too-little', reason: `what is free is less than ${least.join(' or ')}` };
}

function declined(
  state: AllocatorState,
  agent: Agent,
  seat: Seat,
  within: Lot,
  now: Instant,
): Refusal | undefined {
  const { refusals } = state;
  const filter = refusals.filterAgainst(agent, seat, within);
  if (filter < 0 || refusals.filters.endOf(filter) <= now) return undefined;
  const seconds = ((refusals.filters.endOf(filter) - now) / 1000).toFixed(1);
  return {
    filter: 'declined',
    reason: `the framework declined ${refusals.filters.lotOf(filter).bag.toString()} for another ${seconds} s`,
  };
}

/** Agents that lack nothing but room, by what of them is for the seat. */
function candidatesIn(judged: readonly Judged[]): ReadonlyMap<Lot, readonly Judged[]> {
  const candidates = new Map<Lot, Judged[]>();
  for (const one of judged) {
    const filter = one.refused?.filter;
    if (filter !== undefined && filter !== 'nothing-free' && filter !== 'demand') continue;
    const alike = candidates.get(one.lot);
    if (alike === undefined) candidates.set(one.lot, [one]);
    else alike.push(one);
  }
  return candidates;
}

/** The agent that lacks least for one task of a demand, by the resource of which it lacks most; empty when one has room for it. */
function nearestTo(candidates: ReadonlyMap<Lot, readonly Judged[]>, demand: Demand, rooms: Rooms): string {
  let nearest:
    { readonly first: Judged | undefined; readonly lack: number; readonly words: string } | undefined;
  for (const [lot, alike] of candidates) {
    const hasRoom = ({ agent, refused }: Judged): boolean => refused === undefined && isMetBy(demand, agent);
    if (rooms.in(lot).has(demand) && alike.some(hasRoom)) return '';
    const missing = missingIn(lot, demand);
    const lack = Math.max(0, ...missing.map(({ part }) => part));
    if (nearest !== undefined && nearest.lack <= lack) continue;
    const words = missing.map(({ name, lacks }) => `${name}:${fromMilli(lacks)}`).join(';');
    nearest = { first: alike[0], lack, words };
  }
  if (nearest?.first === undefined) return '';
  const { agent } = nearest.first;
  return `${agent.hostname} lacks ${nearest.words || nothingOf(agent, demand)}`;
}

/** An agent has as much as a task needs, and still no room for it. */
function nothingOf(agent: Agent, demand: Demand): string {
  return isMetBy(demand, agent)
    ? 'nothing, but quotas, or disks that are given whole, leave no room'
    : 'nothing, but the constraints exclude it';
}

/** What a lot lacks for one task, in thousandths and as a part of what the task needs. */
function missingIn(
  { quantities }: Lot,
  { perTask }: Demand,
): readonly { readonly name: string; readonly lacks: number; readonly part: number }[] {
  return [...perTask].flatMap(([name, milli]) => {
    const lacks = milli - (quantities.get(name) ?? 0);
    return lacks > 0 ? [{ name, lacks, part: lacks / milli }] : [];
  });
}
