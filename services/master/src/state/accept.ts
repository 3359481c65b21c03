import { assert, Resources, type OfferId, type TaskId } from '@meseta/model';
import { describeAgent } from './agents';
import type { Accept, OfferOperation, TaskToLaunch } from './command';
import { takeRoomBack, type OpenDemand } from './demands';
import { launchEach } from './launch';
import { launchGroup } from './launch-group';
import { changeResources, dropOperation } from './operations';
import { endOffer, notRefusedMs, takeBack } from './offers';
import { isPartitionAware, type Agent, type Framework, type Offer } from './state';
import { refuseLaunch } from './tasks';
import { tellAllocator, type Turn } from './turn';

/** An ACCEPT under way: what is left of its offers, for the operations that come next. */
export interface Acceptance {
  readonly turn: Turn;
  readonly framework: Framework;
  readonly agent: Agent;
  /** The first of the offers, whose role and trace the launches have. */
  readonly offer: Offer;
  /** How many offers there are. */
  readonly offers: number;
  /** For how many tasks that the framework asked for they have room. */
  readonly room: Map<OpenDemand, number>;
  pool: Resources;
  /** An operation has changed what the agent's resources are. */
  reshaped: boolean;
}

/**
 * ACCEPT (S54 – S62): the offers become one pool, from which each operation takes in order; what is left goes back, filtered as if
 * declined. An operation that is refused does not undo the ones before it nor stop the ones after (S61). Offers that cannot be used
 * together drop every operation of the call (S56).
 */
export function accept(turn: Turn, framework: Framework, call: Accept): void {
  const offers = validOffers(turn, framework, call.offerIds);
  if (typeof offers === 'string') return refuseAll(turn, framework, call, offers);
  const [first] = offers;
  assert(first !== undefined, 'an ACCEPT names at least one offer: the handler saw to it');
  const agent = turn.state.agents.get(first.agentId);
  assert(agent !== undefined, `offer ${first.id} is of a known agent`);
  const acceptance: Acceptance = {
    turn,
    framework,
    agent,
    offer: first,
    offers: offers.length,
    room: new Map(),
    pool: Resources.empty,
    reshaped: false,
  };
  const outcome = call.operations.some(doesSomething) ? 'accepted' : 'declined';
  for (const offer of offers) {
    acceptance.pool = acceptance.pool.add(offer.resources);
    for (const [open, tasks] of offer.room)
      acceptance.room.set(open, (acceptance.room.get(open) ?? 0) + tasks);
    endOffer(turn, offer, outcome);
  }
  for (const operation of call.operations) perform(acceptance, operation);
  // Who works with a part of it has not refused the rest.
  const isRefused = call.refuseMs > 0 || outcome === 'declined';
  giveBack(acceptance, isRefused ? call.refuseMs : notRefusedMs);
}

function perform(acceptance: Acceptance, operation: OfferOperation): void {
  switch (operation.kind) {
    case 'launch':
      return launchEach(acceptance, operation);
    case 'launchGroup':
      return launchGroup(acceptance, operation);
    case 'resources':
      return changeResources(acceptance, operation);
  }
}

function doesSomething(operation: OfferOperation): boolean {
  return operation.kind !== 'launch' || operation.tasks.length > 0;
}

/** What is left goes back. If operations changed what the agent has, the allocator is told of all of it anew. */
function giveBack(acceptance: Acceptance, refuseMs: number): void {
  const { turn, framework, agent, offer, pool, room, reshaped } = acceptance;
  const left = { frameworkId: framework.id, role: offer.role, resources: pool };
  if (reshaped) describeAgent(turn, agent, { alsoHeld: pool.isEmpty ? [] : [left] });
  // A whole description counts the offers itself.
  const offers = reshaped ? 0 : acceptance.offers;
  const tasks = takeRoomBack(framework, room, pool);
  if (!pool.isEmpty)
    tellAllocator(turn, {
      kind: 'recovered',
      agentId: agent.id,
      ...left,
      refuseMs,
      unused: true,
      tasks,
      offers,
    });
  else if (offers > 0)
    tellAllocator(turn, {
      kind: 'offersAccepted',
      agentId: agent.id,
      frameworkId: framework.id,
      role: offer.role,
      offers,
    });
}

/** The offers, or why they cannot be used together. */
function validOffers(
  turn: Turn,
  framework: Framework,
  offerIds: readonly OfferId[],
): readonly Offer[] | string {
  const offers: Offer[] = [];
  for (const offerId of offerIds) {
    const offer = turn.state.offers.get(offerId);
    if (offer === undefined) return `offer ${offerId} is no longer valid`;
    if (offer.frameworkId !== framework.id) return `offer ${offerId} was made to another framework`;
    if (offers.includes(offer)) return `offer ${offerId} is named twice`;
    const first = offers[0];
    if (first !== undefined && first.agentId !== offer.agentId)
      return `offers ${first.id} and ${offer.id} are of different agents`;
    if (first !== undefined && first.role !== offer.role)
      return `offers ${first.id} and ${offer.id} are for different roles`;
    offers.push(offer);
  }
  return offers;
}

/** Drops every operation of the call; those of its offers that are still valid go back. */
function refuseAll(turn: Turn, framework: Framework, call: Accept, why: string): void {
  for (const offerId of call.offerIds) {
    const offer = turn.state.offers.get(offerId);
    if (offer !== undefined && offer.frameworkId === framework.id) takeBack(turn, offer, 'declined', 0);
  }
  const dropped = new Set<TaskId>();
  for (const operation of call.operations) {
    if (operation.kind === 'resources')
      dropOperation(turn, framework, operation, 'OPERATION_DROPPED', `invalid offers: ${why}`);
    else for (const task of operation.tasks) dropTask(turn, framework, call, task, why, dropped);
  }
}

function dropTask(
  turn: Turn,
  framework: Framework,
  { offerIds }: Accept,
  { taskId }: TaskToLaunch,
  why: string,
  dropped: Set<TaskId>,
): void {
  if (dropped.has(taskId) || framework.tasks.has(taskId)) return;
  dropped.add(taskId);
  refuseLaunch(turn, framework, offerIds, {
    taskId,
    state: isPartitionAware(framework) ? 'TASK_DROPPED' : 'TASK_LOST',
    reason: 'REASON_INVALID_OFFERS',
    message: `Task launched with invalid offers: ${why}`,
  });
}
