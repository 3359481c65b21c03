import { mayBeOffered, type Agent } from './agents/agent';
import { sortedBy, shuffle } from './agents/visit-order';
import type { TasksByDemand } from './demand/seat-demands';
import type { Proposal } from './effect';
import { hold } from './holdings';
import type { Lot } from './lots/lot';
import { offerableTo } from './offerable';
import { Placements } from './placements';
import { beyondGuarantee, withinGuarantee } from './quota/cut';
import type { Order } from './roles/order';
import type { Seat } from './roles/seat';
import type { AllocatorState } from './state';
import { isWorthOffering, isWorthOfferingAtAll } from './worth';
import { settleWanting, updateWanting } from './wanting';

type Stage = 'guarantees' | 'fairShare';

/** One turn under way. */
interface Turn {
  readonly state: AllocatorState;
  readonly seed: number;
  stage: Stage;
  readonly proposals: Proposal[];
  /** Places in `proposals` of what the first stage gave of each agent: the second adds to it (S49). */
  readonly places: Map<Agent, { readonly seat: Seat; readonly at: number }[]>;
}

/**
 * One turn: of the agents on which something changed (or of all of them), what is free is first given to roles whose guarantee is not met (A6), then to the role, and in it to
 * the framework, that the policy puts first and that nothing speaks against (A5), but for what must be kept back for guarantees.
 */
export function allocate(state: AllocatorState, everyAgent: boolean, seed: number): readonly Proposal[] {
  state.shares.settle();
  const agents = inOrder(
    state,
    state.agents.takeDirty(everyAgent).filter((agent) => hasTakers(state, agent)),
    seed,
  );
  const turn: Turn = { state, seed, stage: 'guarantees', proposals: [], places: new Map() };
  if (agents.length === 0) return turn.proposals;
  if (state.quotas.hungry.size > 0) {
    for (const agent of agents) {
      if (state.quotas.hungry.size === 0) break;
      giveOut(turn, agent, state.quotas.hungry);
    }
  }
  turn.stage = 'fairShare';
  const placements = Placements.of(state, agents);
  for (let agent = placements.first(); agent !== undefined; agent = placements.next()) {
    if (!hasTakers(state, agent)) continue;
    const chosen = placements.isNeeded ? chooseAgent(turn, agent, placements) : agent;
    giveOut(turn, chosen, state.shares.top);
  }
  return turn.proposals;
}

/** Agents in the order in which they are given out. The list is the caller's to give away. */
function inOrder(state: AllocatorState, agents: Agent[], seed: number): readonly Agent[] {
  const { agentOrder } = state.options;
  if (agentOrder !== undefined) return sortedBy(agents, agentOrder, state.names, seed);
  shuffle(agents, seed);
  return agents;
}

/** Whether any seat could be offered something of an agent: asked 32 seats at a time. */
function hasTakers(state: AllocatorState, agent: Agent): boolean {
  const { seats, refusals, eligibility } = state;
  if (agent.free.isEmpty || !mayBeOffered(agent)) return false;
  if (state.ownLeast.size === 0 && !isWorthOfferingAtAll(agent.free, state.options)) return false;
  refusals.refresh(agent, seats);
  const { wanting, closed } = seats;
  const { isSimple } = agent.free;
  const words = (seats.bound + 31) >>> 5;
  for (let word = 0; word < words; word++) {
    let takers = (wanting[word] as number) & ~refusals.word(agent, word) & ~eligibility.word(agent, word);
    if (isSimple) takers &= ~(closed[word] as number);
    if (takers !== 0) return true;
  }
  return false;
}

/** Gives out one agent in an order, and lets those who got something take their new places. */
function giveOut(turn: Turn, agent: Agent, order: Order): void {
  const { state } = turn;
  state.refusals.refresh(agent, state.seats);
  offerAlong(turn, agent, order);
  state.shares.settle();
  settleWanting(state);
}

/** Goes through an order; true when nothing is left to give. */
function offerAlong(turn: Turn, agent: Agent, order: Order): boolean {
  order.begin(turn.seed, agent.hash);
  for (let place = 0; place < order.size; place++) {
    const { owner } = order.at(place);
    let isGone: boolean;
    switch (owner.kind) {
      case 'seat':
        isGone = offer(turn, agent, owner.seat);
        break;
      case 'own':
        isGone = offerAlong(turn, agent, owner.role.wanting);
        break;
      case 'role':
      case 'hungry':
        isGone = offerAlong(turn, agent, owner.role.entries);
    }
    if (isGone) return true;
  }
  return false;
}

/** Offers a seat what it may have of an agent, if that is anything; true when nothing is left to give. */
function offer(turn: Turn, agent: Agent, seat: Seat): boolean {
  const { state } = turn;
  if (!mayTake(state, agent, seat)) return false;
  const share = shareOf(turn, agent, seat);
  if (share === undefined) return false;
  const { framework, demands } = seat;
  const room = demands?.fit(share.bag, agent);
  const lot = room === undefined ? share : state.lots.of(room.resources);
  if (!isOffer(state, agent, seat, lot)) return false;
  if (room !== undefined) demands?.offered(room.tasks);
  hold(state, agent, seat, lot, propose(turn, agent, seat, lot, room?.tasks));
  if (framework !== undefined && (state.options.outstandingOffersMax > 0 || demands !== undefined))
    updateWanting(state, framework);
  return agent.free.isEmpty;
}

/** What the bits say: whether the seat wants offers, and no filter or rule is against this agent. */
function mayTake({ seats, refusals, eligibility }: AllocatorState, agent: Agent, seat: Seat): boolean {
  return (
    seats.isWanting(seat) &&
    !refusals.refusesAll(agent, seat) &&
    !eligibility.excludes(agent, seat) &&
    !(agent.free.isSimple && seats.isClosed(seat))
  );
}

/** The part of what is free that the seat may have in this stage; undefined when its role gets nothing in this stage. */
function shareOf({ state, stage }: Turn, agent: Agent, seat: Seat): Lot | undefined {
  const lot = offerableTo(state.lots, agent.free, seat);
  if (!state.quotas.any) return lot;
  return stage === 'guarantees' ? withinGuarantee(state, lot, seat) : beyondGuarantee(state, lot, seat);
}

/** Whether a lot is worth an offer, and not refused. Room for a task that was asked for is worth one, however small. */
function isOffer(state: AllocatorState, agent: Agent, seat: Seat, lot: Lot): boolean {
  if (lot.isEmpty || lot.isOnlyShared) return false;
  if (seat.demands === undefined && !isWorthOffering(lot, seat, state.options)) return false;
  // The bits answer for all that was free when the agent's turn came; a part of it may be refused though the whole is not.
  return lot === agent.refusedFor || state.refusals.filterAgainst(agent, seat, lot) < 0;
}

/** Proposes a lot; returns how many offers more that is: none if the seat was offered something of this agent before in this turn. */
function propose(
  { stage, proposals, places }: Turn,
  agent: Agent,
  seat: Seat,
  lot: Lot,
  tasks: TasksByDemand | undefined,
): number {
  const earlier = places.size === 0 ? undefined : places.get(agent)?.find((one) => one.seat === seat);
  if (earlier !== undefined) {
    const proposal = proposals[earlier.at] as Proposal;
    proposals[earlier.at] = {
      ...proposal,
      resources: proposal.resources.add(lot.bag),
      ...(tasks !== undefined && { tasks: added(proposal.tasks ?? new Map(), tasks) }),
    };
    return 0;
  }
  if (stage === 'guarantees') {
    const place = { seat, at: proposals.length };
    const list = places.get(agent);
    if (list === undefined) places.set(agent, [place]);
    else list.push(place);
  }
  proposals.push({
    frameworkId: seat.frameworkId,
    role: seat.role.path,
    agentId: agent.id,
    resources: lot.bag,
    ...(tasks !== undefined && { tasks }),
  });
  return 1;
}

function added(a: TasksByDemand, b: TasksByDemand): TasksByDemand {
  const sum = new Map(a);
  for (const [id, tasks] of b) sum.set(id, (sum.get(id) ?? 0) + tasks);
  return sum;
}

/** The agent that the head of the order would rather have, when its role has a placement of its own. */
function chooseAgent(turn: Turn, agent: Agent, placements: Placements): Agent {
  const { state } = turn;
  const head = headOf(turn, agent, state.shares.top);
  const placement = head === undefined ? undefined : state.options.placements.get(head.role.path);
  if (head === undefined || placement === undefined) return placements.give(agent);
  return placements.take(agent, placement, (other) => hasTakers(state, other) && mayTake(state, other, head));
}

/** Who would be offered the agent first, by the bits. */
function headOf(turn: Turn, agent: Agent, order: Order): Seat | undefined {
  order.begin(turn.seed, agent.hash);
  for (let place = 0; place < order.size; place++) {
    const { owner } = order.at(place);
    switch (owner.kind) {
      case 'seat':
        if (mayTake(turn.state, agent, owner.seat)) return owner.seat;
        break;
      default: {
        const head = headOf(turn, agent, owner.kind === 'own' ? owner.role.wanting : owner.role.entries);
        if (head !== undefined) return head;
      }
    }
  }
  return undefined;
}
