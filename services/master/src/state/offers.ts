import { plusMs, Resources, type Instant, type OfferId } from '@meseta/model';
import type { Decline, Proposal } from './command';
import { offerRoom, takeRoomBack, type TasksByDemand } from './demands';
import type { OfferOutcome } from './effect';
import { addOffer, freeOf, removeOffer } from './ledger';
import type { Agent, Framework, Offer } from './state';
import { observe, tell, tellAllocator, type Turn } from './turn';
import { mayOffer } from './withheld';

/** Nobody refused it: it was taken back, or never offered. The allocator may offer it to the same framework at once. */
export const notRefusedMs = -1;

/**
 * Turns the allocator's proposals into offers. A proposal counts only if it took the agent's last whole description and the last quota into account,
 * still fits the ledger, and its framework still wants it; else it is dropped, and the allocator told the truth.
 */
export function stepProposals(turn: Turn, version: number, proposals: readonly Proposal[]): void {
  const offered = new Map<Framework, { offer: Offer; agent: Agent }[]>();
  for (const proposal of proposals) {
    const agent = turn.state.agents.get(proposal.agentId);
    if (agent === undefined || version < agent.resetVersion) {
      // The allocator has been told of the agent anew since: what it counted for this proposal is already forgotten.
      observe(turn, { kind: 'proposalDropped', why: 'stale' });
      askAgain(turn, proposal, version);
      continue;
    }
    const framework = turn.state.frameworks.get(proposal.frameworkId);
    if (!mayOffer(agent) || framework === undefined || !mayBeOffered(framework, proposal.role)) {
      drop(turn, proposal, version, 'gone');
    } else if (version < (turn.state.quotaVersion ?? 0)) {
      drop(turn, proposal, version, 'stale');
    } else if (!freeOf(agent).contains(proposal.resources)) {
      drop(turn, proposal, version, 'unfit');
    } else {
      const sent = { offer: makeOffer(turn, agent, framework, proposal, version), agent };
      const list = offered.get(framework);
      if (list === undefined) offered.set(framework, [sent]);
      else list.push(sent);
    }
  }
  for (const [framework, offers] of offered) tell(turn, framework, { kind: 'offers', offers });
}

/** DECLINE: unknown ids are ignored (S63). */
export function decline(turn: Turn, framework: Framework, { offerIds, refuseMs }: Decline): void {
  for (const offerId of offerIds) {
    const offer = turn.state.offers.get(offerId);
    if (offer === undefined || offer.frameworkId !== framework.id) continue;
    takeBack(turn, offer, 'declined', refuseMs);
  }
}

/** An offer that its framework sat on for too long (S52). */
export function stepOfferTimeout(turn: Turn, offerId: OfferId): void {
  const offer = turn.state.offers.get(offerId);
  if (offer !== undefined) rescind(turn, offer, 'expired');
}

/** Takes an offer back and tells its framework. */
export function rescind(
  turn: Turn,
  offer: Offer,
  outcome: OfferOutcome = 'rescinded',
  refuseMs = notRefusedMs,
): void {
  const framework = turn.state.frameworks.get(offer.frameworkId);
  if (framework !== undefined) tell(turn, framework, { kind: 'rescind', offerId: offer.id });
  takeBack(turn, offer, outcome, refuseMs);
}

/** Rescinds all that is offered of an agent. */
export function rescindAgentOffers(turn: Turn, agent: Agent): void {
  for (const offerId of [...agent.offers]) {
    const offer = turn.state.offers.get(offerId);
    if (offer !== undefined) rescind(turn, offer);
  }
}

/** Withdraws all that a framework was offered, without telling it: it is not there, or was replaced (S26, S30). */
export function withdrawFrameworkOffers(turn: Turn, framework: Framework): void {
  for (const offerId of [...framework.offers]) {
    const offer = turn.state.offers.get(offerId);
    if (offer !== undefined) takeBack(turn, offer, 'withdrawn', notRefusedMs);
  }
}

/** Ends an offer and gives all of it back to the allocator, which does not offer it to the same framework again for a while if that refused it (A40). */
export function takeBack(turn: Turn, offer: Offer, outcome: OfferOutcome, refuseMs: number): void {
  endOffer(turn, offer, outcome);
  const tasks = takeRoomBack(turn.state.frameworks.get(offer.frameworkId), offer.room);
  giveBack(turn, offer, tasks, refuseMs);
}

/** Ends an offer; what becomes of its resources is the caller's to say. */
export function endOffer(turn: Turn, offer: Offer, outcome: OfferOutcome): void {
  turn.state.offers.delete(offer.id);
  turn.state.frameworks.get(offer.frameworkId)?.offers.delete(offer.id);
  const agent = turn.state.agents.get(offer.agentId);
  if (agent !== undefined) removeOffer(agent, offer);
  observe(turn, { kind: 'offerDecided', offer, outcome });
}

function makeOffer(
  turn: Turn,
  agent: Agent,
  framework: Framework,
  proposal: Proposal,
  version: number,
): Offer {
  const { state, now } = turn;
  const offer: Offer = {
    id: `${state.masterId}-O${state.nextOffer++}` as OfferId,
    frameworkId: framework.id,
    agentId: agent.id,
    role: proposal.role,
    resources: proposal.resources,
    allocatedAt: Math.min(proposal.allocatedAtMs, now) as Instant,
    offeredAt: now,
    traceparent: proposal.traceparent,
    room: offerRoom(framework, proposal.tasks, version),
  };
  state.offers.set(offer.id, offer);
  framework.offers.add(offer.id);
  addOffer(agent, offer);
  if (state.options.offerTimeoutMs > 0) {
    state.deadlines.set(plusMs(now, state.options.offerTimeoutMs), { kind: 'offer', offerId: offer.id });
  }
  observe(turn, { kind: 'offerSent', offer });
  return offer;
}

function mayBeOffered(framework: Framework, role: string): boolean {
  return (
    framework.membership === 'active' && framework.roles.includes(role) && !framework.suppressed.has(role)
  );
}

function drop(turn: Turn, proposal: Proposal, version: number, why: 'unfit' | 'gone' | 'stale'): void {
  observe(turn, { kind: 'proposalDropped', why });
  giveBack(turn, proposal, proposedRoom(turn, proposal, version), notRefusedMs);
}

/** Of a stale proposal the resources are forgotten, but not that its tasks count as offered. */
function askAgain(turn: Turn, proposal: Proposal, version: number): void {
  const tasks = proposedRoom(turn, proposal, version);
  if (tasks.size === 0) return;
  const { agentId, frameworkId, role } = proposal;
  const nothing = { resources: Resources.empty, refuseMs: notRefusedMs, unused: true };
  tellAllocator(turn, { kind: 'recovered', agentId, frameworkId, role, ...nothing, tasks });
}

/** The tasks for which a proposal was made, unless they have been replaced by others since. */
function proposedRoom(turn: Turn, { frameworkId, tasks }: Proposal, version: number): TasksByDemand {
  const framework = turn.state.frameworks.get(frameworkId);
  return framework === undefined || version < framework.demandsVersion ? new Map() : tasks;
}

/** What was, or was to be, one offer is not used. */
function giveBack(
  turn: Turn,
  { agentId, frameworkId, role, resources }: Offer | Proposal,
  tasks: TasksByDemand,
  refuseMs: number,
): void {
  tellAllocator(turn, {
    kind: 'recovered',
    agentId,
    frameworkId,
    role,
    resources,
    refuseMs,
    unused: true,
    tasks,
    offers: 1,
  });
}
