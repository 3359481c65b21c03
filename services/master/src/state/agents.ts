import { assert, failure, isTerminal, plusMs, type AgentId, type Instant } from '@meseta/model';
import type { AgentInfo } from '@meseta/protocol';
import type { AgentRegistration, Command } from './command';
import { forgetAgent } from './deactivation';
import { readmit } from './dismissal';
import { resumeDrain } from './draining';
import { misplaced } from './domains';
import type { Holding } from './effect';
import { forgetExecutors, mergeExecutors } from './executors';
import { rescindInverseOffers } from './inverse-offers';
import { holdingsOf, removeTask } from './ledger';
import { downMachineOf, machineName, unavailabilityOf } from './machines';
import { makeAgent } from './make-agent';
import { rescind, rescindAgentOffers } from './offers';
import { loseOperations, mergeOperations } from './operation-updates';
import { loseUnreachable, removeAgent } from './removal';
import { mergeTasks } from './returning-tasks';
import {
  agentOfSession,
  isPartitionAware,
  type Agent,
  type AgentMembership,
  type SessionId,
  type Task,
} from './state';
import { complete, tellMade } from './tasks';
import { commit, observe, order, tell, tellAllocator, tellOperators, type Turn } from './turn';
import { mayOffer, withheldOf } from './withheld';

/** Registration, first or again (M1, M3). What the agent says of its tasks is the truth about them. */
export function stepAgentRegister(turn: Turn, registration: AgentRegistration): void {
  const { state } = turn;
  const refused = mayNotRegister(turn, registration);
  if (refused !== undefined) return refuse(turn, registration, refused);
  const wrongPlace = misplaced(state.options, registration.domain);
  if (wrongPlace !== undefined) return putOff(turn, registration, wrongPlace);
  const known =
    registration.agentId === undefined
      ? agentOfSession(state, registration.session)
      : state.agents.get(registration.agentId);
  const id = known?.id ?? registration.agentId ?? (`${state.masterId}-A${state.nextAgent++}` as AgentId);
  if (known?.session !== undefined && known.session !== registration.session) {
    turn.effects.push({ kind: 'endSession', session: known.session });
  }
  const was = known?.membership;
  const agent = known ?? makeAgent(id, registration, turn.now);
  const info: AgentInfo = { ...registration.info, id: { value: id } };
  recordMember(turn, agent, was, info);
  if (was === 'active' || was === 'disconnected') rescindAgentOffers(turn, agent);
  Object.assign(agent, {
    info,
    hostname: info.hostname ?? '',
    total: registration.total.add(registration.oversubscribed),
    oversubscribed: registration.oversubscribed,
    attributes: registration.attributes,
    capabilities: registration.capabilities,
    version: registration.version,
    grpcAddress: registration.grpcAddress,
    httpAddress: registration.httpAddress,
    session: registration.session,
    registeredAt: agent.registeredAt ?? turn.now,
    reregisteredAt: was === undefined ? undefined : turn.now,
    pingSequence: 0,
    pingsMissed: 0,
    pongSeen: true,
    unavailability: unavailabilityOf(state.maintenance, {
      hostname: info.hostname ?? '',
      grpcAddress: registration.grpcAddress,
    }),
  } satisfies Partial<Agent>);
  state.agents.set(id, agent);
  readmit(turn, agent, registration);
  enter(turn, agent, 'active', was === undefined ? 'registered' : 'registered again');
  const { pingIntervalMs, pingsMissedMax } = state.options;
  order(turn, agent, {
    $case: 'registered',
    value: {
      agentId: { value: id },
      cluster: state.cluster,
      silenceMaxMs: BigInt(pingIntervalMs * pingsMissedMax),
    },
  });
  mergeTasks(turn, agent, registration);
  if (was === 'unreachable')
    loseUnreachable(turn, agent, {
      taskState: 'TASK_GONE',
      reason: 'REASON_RECONCILIATION',
      message: `Agent ${agent.hostname} came back without the task`,
    });
  mergeExecutors(turn, agent, registration);
  mergeOperations(turn, agent, registration);
  resumeDrain(turn, agent);
  ping(turn, agent);
  describeAgent(turn, agent);
  if (was === undefined || was === 'recovered' || was === 'unreachable')
    tellOperators(turn, { kind: 'agentAdded', agent });
}

function mayNotRegister(
  { state }: Turn,
  { agentId, cluster, info, grpcAddress }: AgentRegistration,
): Refusal | undefined {
  if (cluster !== '' && cluster !== state.cluster) {
    const reason = `the agent belongs to cluster ${cluster}, this is cluster ${state.cluster}`;
    return { reason, endTasks: false };
  }
  if (agentId !== undefined && state.gone.has(agentId))
    return { reason: `agent ${agentId} was marked gone`, endTasks: true };
  const machine = downMachineOf(state.maintenance, { hostname: info.hostname ?? '', grpcAddress });
  return machine && { reason: `its machine ${machineName(machine)} is in maintenance`, endTasks: true };
}

/** Why an agent is turned away, and whether its tasks were told to be gone. */
interface Refusal {
  readonly reason: string;
  readonly endTasks: boolean;
}

/** The connection broke: nothing is offered of the agent; its silence is counted from its last pong (T45). */
export function stepAgentSessionEnded(turn: Turn, session: SessionId, agentId: AgentId): void {
  const agent = turn.state.agents.get(agentId);
  if (agent === undefined || agent.session !== session) return;
  agent.session = undefined;
  enter(turn, agent, 'disconnected', 'its connection broke');
  rescindAgentOffers(turn, agent);
  tellAllocator(turn, { kind: 'agentActivated', agentId, active: false });
}

/** The agent leaves for good (M8, T43): its tasks are lost to everyone. */
export function stepAgentUnregister(
  turn: Turn,
  command: Extract<Command, { kind: 'agentUnregister' }>,
): void {
  const agent = turn.state.agents.get(command.agentId);
  if (agent === undefined || agent.session !== command.session) return;
  forgetAgent(turn, agent);
  removeAgent(turn, agent, {
    why: 'the agent unregistered',
    taskState: 'TASK_GONE',
    reason: 'REASON_AGENT_REMOVED',
    refusal: undefined,
  });
}

/** The agent's resources are not what they were: those it lends, or its own. Offers of what it no longer has are rescinded. */
export function stepAgentResources(turn: Turn, command: Extract<Command, { kind: 'agentResources' }>): void {
  const agent = turn.state.agents.get(command.agentId);
  if (agent === undefined || agent.session !== command.session) return;
  const own = command.total ?? agent.total.subtract(agent.oversubscribed);
  const total = own.add(command.oversubscribed);
  if (total.equals(agent.total)) return;
  for (const offerId of [...agent.offers]) {
    const offer = turn.state.offers.get(offerId);
    if (offer === undefined) continue;
    if (command.total !== undefined || !offer.resources.revocable().isEmpty) rescind(turn, offer);
  }
  agent.total = total;
  agent.oversubscribed = command.oversubscribed;
  describeAgent(turn, agent);
}

export function stepPong(turn: Turn, command: Extract<Command, { kind: 'pong' }>): void {
  const agent = turn.state.agents.get(command.agentId);
  if (agent === undefined || agent.session !== command.session || command.sequence !== agent.pingSequence) {
    return observe(turn, { kind: 'ignored', what: 'pong' });
  }
  agent.pongSeen = true;
  agent.pingsMissed = 0;
}

/** A ping is due, or an agent of the registry was waited for long enough (M4, M5). */
export function stepAgentDeadline(turn: Turn, agentId: AgentId, at: Instant): void {
  const agent = turn.state.agents.get(agentId);
  if (agent === undefined || agent.nextDeadlineAt !== at || agent.membership === 'unreachable') return;
  if (agent.membership === 'recovered')
    return removeInTime(turn, agent, 'it did not come back after the election');
  if (!agent.pongSeen || agent.membership === 'disconnected') agent.pingsMissed += 1;
  if (agent.pingsMissed >= turn.state.options.pingsMissedMax) {
    const silentMs = turn.state.options.pingIntervalMs * agent.pingsMissed;
    return removeInTime(turn, agent, `it was silent for ${silentMs / 1000} s`);
  }
  ping(turn, agent);
}

/**
 * An agent is unreachable now, or when so many others are that the rate allows it (T40): when a whole network is silent at once, people have time to look.
 * One that is heard of meanwhile stays.
 */
function removeInTime(turn: Turn, agent: Agent, why: string): void {
  const { state, now } = turn;
  if (now < state.nextRemovalAt) {
    observe(turn, { kind: 'removalDelayed', agentId: agent.id });
    return waitUntil(turn, agent, state.nextRemovalAt);
  }
  state.nextRemovalAt = plusMs(now, state.options.agentRemovalIntervalMs);
  markUnreachable(turn, agent, why);
}

/** Adds an agent of the registry that has not come back yet. */
export function addRecoveredAgent(
  turn: Turn,
  info: AgentInfo,
  membership: 'recovered' | 'unreachable',
  since: Instant,
): Agent {
  const id = (info.id?.value ?? '') as AgentId;
  const agent = makeAgent(id, { info }, since);
  agent.membership = membership;
  turn.state.agents.set(id, agent);
  if (membership === 'recovered')
    waitUntil(turn, agent, plusMs(turn.now, turn.state.options.agentReregisterTimeoutMs));
  return agent;
}

/**
 * Tells the allocator all about an agent; proposals made before it are stale from now on.
 *
 * @param alsoHeld what is neither offered nor used, and will be given back next
 */
export function describeAgent(
  turn: Turn,
  agent: Agent,
  { snapshot = false, alsoHeld = [] }: { snapshot?: boolean; alsoHeld?: readonly Holding[] } = {},
): void {
  const { id: agentId, hostname, total, attributes } = agent;
  const holdings = [...holdingsOf(turn.state, agent), ...alsoHeld];
  const active = mayOffer(agent);
  const withheld = withheldOf(agent);
  agent.resetVersion = tellAllocator(
    turn,
    {
      kind: 'agentChanged',
      agentId,
      hostname,
      total,
      attributes,
      domain: agent.info.domain,
      active,
      ...(withheld !== undefined && { withheld }),
      unavailability: agent.unavailability,
      holdings,
    },
    snapshot,
  );
}

/** The registry is told of whoever it does not know as it is. */
function recordMember(turn: Turn, agent: Agent, was: AgentMembership | undefined, info: AgentInfo): void {
  const value = { agentInfo: info, atMs: BigInt(turn.now) };
  if (was === 'unreachable') commit(turn, { $case: 'markAgentReachable', value });
  else if (was === undefined || !sameInfo(agent.info, info)) commit(turn, { $case: 'admitAgent', value });
}

/** Out of contact for too long (T40, T41): its tasks are unreachable, its offers void, its resources not counted. */
function markUnreachable(turn: Turn, agent: Agent, why: string): void {
  commit(turn, { $case: 'markAgentUnreachable', value: { agentInfo: agent.info, atMs: BigInt(turn.now) } });
  rescindAgentOffers(turn, agent);
  rescindInverseOffers(turn, agent);
  for (const task of [...agent.tasks.values()]) {
    if (task.orphaned || turn.state.frameworks.get(task.frameworkId) === undefined) removeTask(agent, task);
    else makeUnreachable(turn, agent, task, why);
  }
  forgetExecutors(agent);
  loseOperations(turn, agent, 'OPERATION_UNREACHABLE', `Agent ${agent.hostname} is unreachable: ${why}`);
  tellAllocator(turn, { kind: 'agentRemoved', agentId: agent.id });
  if (agent.session !== undefined) turn.effects.push({ kind: 'endSession', session: agent.session });
  agent.session = undefined;
  for (const framework of turn.state.frameworks.values())
    tell(turn, framework, { kind: 'agentFailure', agentId: agent.id });
  tellOperators(turn, { kind: 'agentRemoved', agentId: agent.id });
  enter(turn, agent, 'unreachable', why);
}

function makeUnreachable(turn: Turn, agent: Agent, task: Task, why: string): void {
  const framework = turn.state.frameworks.get(task.frameworkId);
  assert(framework !== undefined, `task ${task.id} has a framework`);
  const from = task.state;
  // A framework that was told the end and has not acknowledged it hears nothing new: the agent repeats it when it is back.
  if (task.toldState !== undefined && isTerminal(task.toldState)) return complete(turn, framework, task);
  removeTask(agent, task);
  framework.tasks.delete(task.id);
  task.unreachableSince = turn.now;
  task.unacknowledged = undefined;
  framework.unreachable.set(task.id, task);
  if (framework.unreachable.size > turn.state.options.unreachableTasksPerFrameworkMax) {
    const [oldest] = framework.unreachable.keys();
    if (oldest !== undefined) framework.unreachable.delete(oldest);
  }
  // A task that had ended keeps its true end (M3). Its framework hears of it, after all that came before, when the agent is back.
  if (isTerminal(from)) return;
  task.state = 'TASK_UNREACHABLE';
  observe(turn, { kind: 'taskState', task, from, to: task.state });
  tellOperators(turn, { kind: 'taskUpdated', task, status: undefined });
  task.toldState = isPartitionAware(framework) ? 'TASK_UNREACHABLE' : 'TASK_LOST';
  tellMade(turn, framework, {
    taskId: task.id,
    agentId: agent.id,
    state: task.toldState,
    reason: 'REASON_AGENT_REMOVED',
    message: `Agent ${agent.hostname} is unreachable: ${why}`,
    unreachableSince: turn.now,
  });
}

function ping(turn: Turn, agent: Agent): void {
  if (agent.session !== undefined) {
    agent.pingSequence += 1;
    agent.pongSeen = false;
    order(turn, agent, { $case: 'ping', value: { sequence: BigInt(agent.pingSequence) } });
  }
  waitUntil(turn, agent, plusMs(turn.now, turn.state.options.pingIntervalMs));
}

function waitUntil(turn: Turn, agent: Agent, at: Instant): void {
  agent.nextDeadlineAt = at;
  turn.state.deadlines.set(at, { kind: 'agent', agentId: agent.id });
}

function enter(turn: Turn, agent: Agent, membership: AgentMembership, why: string): void {
  agent.membership = membership;
  agent.since = turn.now;
  observe(turn, { kind: 'agent', agentId: agent.id, to: membership, why });
}

/** Turns an agent away for good: it ends itself. */
function refuse(turn: Turn, { session, info }: AgentRegistration, refusal: Refusal): void {
  observe(turn, { kind: 'agentRefused', hostname: info.hostname ?? '', why: refusal.reason });
  turn.effects.push(
    { kind: 'toAgent', session, message: { message: { $case: 'refused', value: refusal } } },
    { kind: 'endSession', session },
  );
}

/** Turns an agent away for now: it is told why, and asks again. */
function putOff(turn: Turn, { session, info }: AgentRegistration, reason: string): void {
  observe(turn, { kind: 'agentRefused', hostname: info.hostname ?? '', why: reason });
  turn.effects.push({ kind: 'endSession', session, why: failure('denied', reason) });
}

function sameInfo(a: AgentInfo, b: AgentInfo): boolean {
  const text = (info: AgentInfo): string =>
    JSON.stringify(info, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return text(a) === text(b);
}
