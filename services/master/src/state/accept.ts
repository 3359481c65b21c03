import { Resources, assert, isFailure, type OfferId, type TaskId } from '@meseta/model';
import type { Accept, TaskToLaunch } from './command';
import { addTask } from './ledger';
import { endOffer, takeBack } from './offers';
import { isPartitionAware, type Agent, type Framework, type Offer, type Task } from './state';
import { tellMade } from './tasks';
import { observe, tellAllocator, tellOperators, type Turn } from './turn';
import { validateTask } from './validation/task';

/**
 * ACCEPT (S54 – S62): the offers become one pool; each task is checked alone and takes from it; what is left goes back,
 * filtered as if declined. Offers that cannot be used together drop every task of the call (S56).
 */
export function accept(turn: Turn, framework: Framework, call: Accept): void {
  const offers = validOffers(turn, framework, call.offerIds);
  if (typeof offers === 'string') return refuseAll(turn, framework, call, offers);
  const [first] = offers;
  assert(first !== undefined, 'an ACCEPT names at least one offer: the handler saw to it');
  const agent = turn.state.agents.get(first.agentId);
  assert(agent !== undefined, `offer ${first.id} is of a known agent`);
  let pool = Resources.empty;
  const outcome = call.tasks.length === 0 ? 'declined' : 'accepted';
  for (const offer of offers) {
    pool = pool.add(offer.resources);
    endOffer(turn, offer, outcome);
  }
  for (const task of call.tasks) pool = launch(turn, framework, agent, first, task, pool);
  if (pool.isEmpty) return;
  tellAllocator(turn, {
    kind: 'recovered',
    agentId: agent.id,
    frameworkId: framework.id,
    role: first.role,
    resources: pool,
    refuseMs: call.refuseMs,
  });
}

/** Launches a task and returns what is left of the pool; an invalid one is told and takes nothing (S71). */
function launch(
  turn: Turn,
  framework: Framework,
  agent: Agent,
  offer: Offer,
  wanted: TaskToLaunch,
  pool: Resources,
): Resources {
  const refused = validateTask(wanted, { framework, agent, pool });
  if (refused !== undefined || isFailure(wanted.resources)) {
    const message = refused?.message ?? 'resources cannot be read';
    tellMade(turn, framework, {
      taskId: wanted.taskId,
      agentId: agent.id,
      state: 'TASK_ERROR',
      reason: 'REASON_TASK_INVALID',
      message,
    });
    return pool;
  }
  const task: Task = {
    id: wanted.taskId,
    frameworkId: framework.id,
    agentId: agent.id,
    info: wanted.info,
    role: offer.role,
    resources: wanted.resources,
    state: 'TASK_STAGING',
    toldState: undefined,
    statuses: [],
    unacknowledged: undefined,
    killPending: undefined,
    orphaned: false,
    unreachableSince: undefined,
    allocatedAt: offer.allocatedAt,
    launchedAt: turn.now,
  };
  framework.tasks.set(task.id, task);
  addTask(agent, task);
  assert(agent.session !== undefined, `agent ${agent.id} of an offer is connected`);
  observe(turn, { kind: 'taskState', task, from: undefined, to: task.state });
  turn.effects.push({ kind: 'launch', session: agent.session, framework, task, offerId: offer.id });
  tellOperators(turn, { kind: 'taskAdded', task });
  return pool.subtract(task.resources);
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

/** Drops every task of the call; those of its offers that are still valid go back. */
function refuseAll(turn: Turn, framework: Framework, call: Accept, why: string): void {
  for (const offerId of call.offerIds) {
    const offer = turn.state.offers.get(offerId);
    if (offer !== undefined && offer.frameworkId === framework.id) takeBack(turn, offer, 'declined', 0);
  }
  const state = isPartitionAware(framework) ? 'TASK_DROPPED' : 'TASK_LOST';
  const seen = new Set<TaskId>();
  for (const { taskId } of call.tasks) {
    if (seen.has(taskId) || framework.tasks.has(taskId)) continue;
    seen.add(taskId);
    tellMade(turn, framework, {
      taskId,
      state,
      reason: 'REASON_INVALID_OFFERS',
      message: `Task launched with invalid offers: ${why}`,
    });
  }
}
