import type { AgentId, Resources } from '@meseta/model';
import { holdingsOn, type Agent, type Unavailability } from './agents/agent';
import type { AgentDescription, Command } from './command';
import { hashOfName } from './draw';
import { hold, recount, release, releaseAll, setFree } from './holdings';
import type { Lot } from './lots/lot';
import type { Seat } from './roles/seat';
import { giveBackSeat, reserveRows } from './seating';
import type { AllocatorState } from './state';
import { updateWanting } from './wanting';

/** An agent came, or all that is known of it is replaced. */
export function stepAgentChanged(state: AllocatorState, description: AgentDescription): void {
  const known = state.agents.find(description.agentId);
  const total = state.lots.of(description.total);
  const agent = known ?? addAgent(state, description);
  const left = known === undefined ? [] : releaseAll(state, known);
  if (known !== undefined && hasMoved(known, description)) state.refusals.forgetAgent(known);
  agent.hostname = description.hostname;
  agent.attributes = description.attributes;
  agent.domain = description.domain;
  setTotal(state, agent, total);
  setFree(state, agent, state.lots.empty);
  setOffered(state, agent, description.active ? '' : description.withheld || notConnected);
  setFree(state, agent, total);
  for (const { frameworkId, role, resources, offers } of description.holdings) {
    hold(state, agent, state.seats.take(frameworkId, role), state.lots.of(resources), offers ?? 0);
  }
  recount(state, agent);
  if (state.options.outstandingOffersMax > 0)
    recountOffers(state, [...left, ...[...holdingsOn(agent)].map(({ seat }) => seat)]);
  for (const seat of left) giveBackSeat(state, seat);
  judgeAgent(state, agent);
  setUnavailability(state, agent, description.unavailability);
  state.agents.mark(agent);
}

/** The agent is no longer offered, or is again. */
export function stepAgentActivated(
  state: AllocatorState,
  { agentId, active, withheld }: Extract<Command, { kind: 'agentActivated' }>,
): void {
  const agent = state.agents.find(agentId);
  if (agent === undefined) return;
  setOffered(state, agent, active ? '' : withheld || notConnected);
  if (active) state.agents.mark(agent);
}

export function stepAgentRemoved(state: AllocatorState, agentId: AgentId): void {
  const agent = state.agents.find(agentId);
  if (agent === undefined) return;
  const left = releaseAll(state, agent);
  setOffered(state, agent, 'removed');
  state.quotas.addReserved(agent.total, -1);
  state.shares.addTotal(agent.total.scalars, -1);
  state.refusals.forgetAgent(agent);
  state.eligibility.agentRemoved(agent);
  state.inverseOffers.forgetAgent(agent);
  state.agents.remove(agent);
  recountOffers(state, left);
  for (const seat of left) giveBackSeat(state, seat);
}

/** The agent has more or less than it had: an estimator's revocable resources, a resource provider. Holdings stay. */
export function stepTotalChanged(state: AllocatorState, agentId: AgentId, resources: Resources): void {
  const agent = state.agents.find(agentId);
  if (agent === undefined) return;
  setTotal(state, agent, state.lots.of(resources));
  recount(state, agent);
  judgeAgent(state, agent);
  state.agents.mark(agent);
}

/** Resources became others, in the total and with their holder. */
export function stepConverted(
  state: AllocatorState,
  { agentId, holder, consumed, produced }: Extract<Command, { kind: 'converted' }>,
): void {
  const agent = state.agents.find(agentId);
  if (agent === undefined) return;
  const { lots } = state;
  const [before, after] = [lots.of(consumed), lots.of(produced)];
  const seat = holder === undefined ? undefined : state.seats.take(holder.frameworkId, holder.role);
  if (seat !== undefined) release(state, agent, seat, before);
  setTotal(state, agent, lots.plus(lots.minus(agent.total, before), after));
  recount(state, agent);
  if (seat !== undefined) hold(state, agent, seat, after);
  state.agents.mark(agent);
}

export function stepUnavailabilityChanged(
  state: AllocatorState,
  agentId: AgentId,
  unavailability: Unavailability | undefined,
): void {
  const agent = state.agents.find(agentId);
  if (agent === undefined) return;
  setUnavailability(state, agent, unavailability);
  state.agents.mark(agent);
}

/** The list of hosts that are offered (A8). */
export function stepWhitelistChanged(
  state: AllocatorState,
  hostnames: ReadonlySet<string> | undefined,
): void {
  state.whitelist = hostnames;
  for (const agent of state.agents.all()) setOffered(state, agent, agent.withheld);
  state.agents.markEvery();
}

/** The region of the master: agents in others are for frameworks that span regions (S47). */
export function stepHomeChanged(state: AllocatorState, region: string | undefined): void {
  if (state.homeRegion === region) return;
  state.homeRegion = region;
  for (const agent of state.agents.all()) judgeAgent(state, agent);
  state.agents.markEvery();
}

const notConnected = 'the agent is not connected or not active';

function addAgent(state: AllocatorState, { agentId, hostname }: AgentDescription): Agent {
  const { empty } = state.lots;
  const agent: Agent = {
    // What a turn asks of every agent comes first: its fields lie side by side in memory.
    index: state.agents.takeIndex(),
    free: empty,
    refusedFor: undefined,
    withheld: notConnected,
    isListed: true,
    isDirty: false,
    isOverheld: false,
    held: undefined,
    hash: hashOfName(agentId),
    id: agentId,
    total: empty,
    hostname,
    attributes: [],
    domain: undefined,
    hasGpus: false,
    isRemote: false,
    unavailability: undefined,
  };
  state.agents.add(agent);
  reserveRows(state);
  return agent;
}

function setTotal(state: AllocatorState, agent: Agent, total: Lot): void {
  // The new first, so that a role whose reservation stays is known throughout.
  state.quotas.addReserved(total, 1);
  state.quotas.addReserved(agent.total, -1);
  state.shares.addTotal(total.scalars, 1);
  state.shares.addTotal(agent.total.scalars, -1);
  agent.total = total;
}

/** With a bound on unanswered offers, who had some on an agent that is described anew or gone may want more now, or less. */
function recountOffers(state: AllocatorState, seats: readonly Seat[]): void {
  if (state.options.outstandingOffersMax === 0) return;
  for (const { framework } of seats) if (framework !== undefined) updateWanting(state, framework);
}

/** Whether and why it is not offered; what is free there counts for guarantees only while it is. */
function setOffered(state: AllocatorState, agent: Agent, withheld: string): void {
  const { free } = agent;
  if (!free.isEmpty) setFree(state, agent, state.lots.empty);
  agent.withheld = withheld;
  agent.isListed = state.whitelist === undefined || state.whitelist.has(agent.hostname);
  if (!free.isEmpty) setFree(state, agent, free);
}

function judgeAgent(state: AllocatorState, agent: Agent): void {
  agent.hasGpus = agent.total.bag.scalarMilli('gpus') > 0;
  agent.isRemote =
    agent.domain !== undefined && state.homeRegion !== undefined && agent.domain.region !== state.homeRegion;
  state.eligibility.agentChanged(agent, state.seats.all());
}

function setUnavailability(state: AllocatorState, agent: Agent, planned: Unavailability | undefined): void {
  const was = agent.unavailability;
  if (was?.startMs === planned?.startMs && was?.durationMs === planned?.durationMs) return;
  agent.unavailability = planned;
  state.inverseOffers.planned(agent, planned !== undefined);
}

/** What it is to frameworks has changed, so that what they declined may be welcome now (A41). */
function hasMoved(known: Agent, { attributes, domain }: AgentDescription): boolean {
  return (
    known.domain?.region !== domain?.region ||
    known.domain?.zone !== domain?.zone ||
    JSON.stringify(known.attributes) !== JSON.stringify(attributes)
  );
}
