import { plusMs, type FrameworkId, type OfferId } from '@meseta/model';
import type { InverseAnswer, InverseProposal } from './command';
import type { Agent, Framework, InverseOffer } from './state';
import { tell, tellAllocator, type Turn } from './turn';

/**
 * Asks frameworks to give up what they hold on agents with planned maintenance (S67). A proposal made for a window that is no longer planned is
 * dropped: the allocator has been told of the new one, and proposes anew. So is one for what the framework is being asked already.
 */
export function stepInverseProposals(turn: Turn, proposals: readonly InverseProposal[]): void {
  const asked = new Map<Framework, { offer: InverseOffer; agent: Agent }[]>();
  for (const { frameworkId, agentId, startMs } of proposals) {
    const agent = turn.state.agents.get(agentId);
    const framework = turn.state.frameworks.get(frameworkId);
    if (agent?.unavailability === undefined || framework?.membership !== 'active') continue;
    if (startMs !== startMsOf(agent) || agent.asked.get(frameworkId)?.offer !== undefined) continue;
    const list = asked.get(framework) ?? [];
    asked.set(framework, list);
    list.push({ offer: makeInverseOffer(turn, agent, framework), agent });
  }
  for (const [framework, offers] of asked) tell(turn, framework, { kind: 'inverseOffers', offers });
}

/** ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS (S68, S69): the answer is kept, and has no other effect. Unknown ids are ignored. */
export function answerInverseOffers(
  turn: Turn,
  framework: Framework,
  { offerIds, refuseMs }: InverseAnswer,
  status: 'ACCEPT' | 'DECLINE',
): void {
  for (const offerId of offerIds) {
    const offer = turn.state.inverseOffers.get(offerId);
    if (offer === undefined || offer.frameworkId !== framework.id) continue;
    const agent = endInverseOffer(turn, offer);
    agent?.asked.set(framework.id, { offer: undefined, status, at: turn.now });
    tellAnswered(turn, offer, refuseMs);
  }
}

/** A framework sat on an inverse offer for too long: it is asked anew. */
export function stepInverseOfferTimeout(turn: Turn, offerId: OfferId): void {
  const offer = turn.state.inverseOffers.get(offerId);
  if (offer === undefined) return;
  rescind(turn, offer);
  tellAnswered(turn, offer, 0);
}

/** Takes back every question about an agent, and forgets the answers: its window changed, or it is gone (S70). */
export function rescindInverseOffers(turn: Turn, agent: Agent): void {
  for (const { offer } of agent.asked.values()) if (offer !== undefined) rescind(turn, offer);
  agent.asked.clear();
}

/** Takes back, without telling it, what a framework was asked: it is not there, or was replaced. */
export function withdrawInverseOffers(turn: Turn, framework: Framework): void {
  for (const offer of [...turn.state.inverseOffers.values()]) {
    if (offer.frameworkId !== framework.id) continue;
    endInverseOffer(turn, offer);
    tellAnswered(turn, offer, 0);
  }
}

/** A framework is gone: what it said counts for nobody. */
export function forgetAnswers(turn: Turn, frameworkId: FrameworkId): void {
  for (const agent of turn.state.agents.values()) agent.asked.delete(frameworkId);
}

/** When the window of an agent begins, in whole milliseconds, as the allocator tells it. */
function startMsOf(agent: Agent): number {
  return Number((agent.unavailability?.start?.nanoseconds ?? 0n) / 1_000_000n);
}

function makeInverseOffer(turn: Turn, agent: Agent, framework: Framework): InverseOffer {
  const { state, now } = turn;
  const offer: InverseOffer = {
    id: `${state.masterId}-O${state.nextOffer++}` as OfferId,
    frameworkId: framework.id,
    agentId: agent.id,
    unavailability: agent.unavailability ?? {},
  };
  state.inverseOffers.set(offer.id, offer);
  const last = agent.asked.get(framework.id) ?? { status: 'UNKNOWN', at: now };
  agent.asked.set(framework.id, { ...last, offer });
  if (state.options.offerTimeoutMs > 0) {
    const at = plusMs(now, state.options.offerTimeoutMs);
    state.deadlines.set(at, { kind: 'inverseOffer', offerId: offer.id });
  }
  return offer;
}

function rescind(turn: Turn, offer: InverseOffer): void {
  const framework = turn.state.frameworks.get(offer.frameworkId);
  if (framework !== undefined) tell(turn, framework, { kind: 'rescindInverse', offerId: offer.id });
  endInverseOffer(turn, offer);
}

/** Its last answer stays. */
function endInverseOffer(turn: Turn, offer: InverseOffer): Agent | undefined {
  turn.state.inverseOffers.delete(offer.id);
  const agent = turn.state.agents.get(offer.agentId);
  const asked = agent?.asked.get(offer.frameworkId);
  if (asked !== undefined) agent?.asked.set(offer.frameworkId, { ...asked, offer: undefined });
  return agent;
}

function tellAnswered(turn: Turn, { agentId, frameworkId }: InverseOffer, refuseMs: number): void {
  tellAllocator(turn, { kind: 'inverseOfferAnswered', agentId, frameworkId, refuseMs });
}
