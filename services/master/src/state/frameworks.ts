import { failure, isTerminal, plusMs, type Failure, type FrameworkId, type Instant } from '@meseta/model';
import type { FrameworkInfo } from '@meseta/protocol';
import type { Caller, Command, FrameworkDescription } from './command';
import { describeDemands } from './demands';
import { forgetAnswers, withdrawInverseOffers } from './inverse-offers';
import { rescind, withdrawFrameworkOffers } from './offers';
import type { Agent, Framework, MasterState, StreamId } from './state';
import { forgetDeniedOperations, settleDeniedOperations } from './operation-updates';
import { unlisted } from './role-list';
import { settleDenied } from './statuses';
import { complete } from './tasks';
import { commit, observe, order, tell, tellAllocator, tellOperators, type Turn } from './turn';
import { validateFramework } from './validation/framework';

/** SUBSCRIBE (S21 – S36): a new framework, or one that returns and takes over from its older self at once. */
export function stepSubscribe(turn: Turn, command: Extract<Command, { kind: 'subscribe' }>): void {
  const { stream, framework: description, suppressedRoles } = command;
  const refused =
    validateFramework(description, suppressedRoles) ??
    unlisted(turn.state.options, description.roles) ??
    mayReturn(turn.state, description);
  if (refused !== undefined) return refuse(turn, stream, refused.message);
  const known = description.id === undefined ? undefined : turn.state.frameworks.get(description.id);
  const framework =
    known === undefined ? addFramework(turn, description) : returned(turn, known, description);
  framework.membership = 'active';
  framework.stream = stream;
  framework.failoverAt = undefined;
  replaceSuppressed(framework, suppressedRoles);
  commit(turn, {
    $case: 'putFramework',
    value: { frameworkInfo: framework.info, registeredAtMs: BigInt(framework.registeredAt) },
  });
  tell(turn, framework, { kind: 'subscribed', frameworkId: framework.id });
  stepHeartbeat(turn, framework.id, stream);
  describe(turn, framework);
  // Agents that hold its tasks send what was not acknowledged at once (T28).
  if (known !== undefined) tellAgentsOf(turn, framework);
  for (const task of [...framework.tasks.values()])
    if (task.denied && isTerminal(task.state)) settleDenied(turn, framework, task);
  settleDeniedOperations(turn, framework);
  tellOperators(turn, { kind: known === undefined ? 'frameworkAdded' : 'frameworkUpdated', framework });
  observe(turn, {
    kind: 'framework',
    frameworkId: framework.id,
    name: framework.info.name ?? '',
    to: 'active',
    why: known === undefined ? 'subscribed' : 'subscribed again',
  });
}

/** The stream broke: no offers until it is back, and after the failover timeout it is removed (S29, S30). */
export function stepStreamEnded(turn: Turn, stream: StreamId): void {
  const framework = [...turn.state.frameworks.values()].find((one) => one.stream === stream);
  if (framework === undefined) return;
  framework.membership = 'disconnected';
  framework.stream = undefined;
  framework.demands = [];
  withdrawFrameworkOffers(turn, framework);
  withdrawInverseOffers(turn, framework);
  describe(turn, framework);
  startFailover(turn, framework);
  tellOperators(turn, { kind: 'frameworkUpdated', framework });
  observe(turn, {
    kind: 'framework',
    frameworkId: framework.id,
    name: framework.info.name ?? '',
    to: 'disconnected',
    why: 'its stream ended',
  });
}

/** The framework was away for its whole failover timeout. */
export function stepFrameworkFailover(turn: Turn, frameworkId: FrameworkId, at: Instant): void {
  const framework = turn.state.frameworks.get(frameworkId);
  if (framework === undefined || framework.failoverAt !== at) return;
  removeFramework(turn, framework, 'it did not come back within its failover timeout');
}

/** A sign of life on an idle stream (S23). */
export function stepHeartbeat(turn: Turn, frameworkId: FrameworkId, stream: StreamId): void {
  const framework = turn.state.frameworks.get(frameworkId);
  if (framework === undefined || framework.stream !== stream) return;
  tell(turn, framework, { kind: 'heartbeat' });
  turn.state.deadlines.set(plusMs(turn.now, turn.state.options.heartbeatIntervalMs), {
    kind: 'heartbeat',
    frameworkId,
    stream,
  });
}

/** REVIVE and SUPPRESS (S64, S65): one unknown role voids the whole call. */
export function setSuppressed(
  turn: Turn,
  framework: Framework,
  roles: readonly string[],
  suppressed: boolean,
): Failure | undefined {
  const unknown = roles.find((role) => !framework.roles.includes(role));
  if (unknown !== undefined)
    return failure('invalid', `roles names ${unknown}, which the framework is not subscribed to`, {
      field: 'roles',
    });
  for (const role of roles.length === 0 ? framework.roles : roles) {
    if (suppressed) framework.suppressed.add(role);
    else {
      framework.suppressed.delete(role);
      framework.demands = framework.demands.filter(({ demand }) => demand.role !== role);
    }
  }
  tellAllocator(turn, { kind: suppressed ? 'suppressed' : 'revived', frameworkId: framework.id, roles });
  return undefined;
}

/** UPDATE_FRAMEWORK (S37): replaces the description; who and as whom it runs must not change. */
export function updateFramework(
  turn: Turn,
  framework: Framework,
  description: FrameworkDescription,
  suppressedRoles: readonly string[],
): Failure | undefined {
  const refused =
    validateFramework(description, suppressedRoles) ??
    unlisted(turn.state.options, description.roles) ??
    mayChange(framework.info, description.info);
  if (refused !== undefined) return refused;
  const removedRoles = framework.roles.filter((role) => !description.roles.includes(role));
  applyDescription(framework, description);
  replaceSuppressed(framework, suppressedRoles);
  for (const offerId of [...framework.offers]) {
    const offer = turn.state.offers.get(offerId);
    if (offer !== undefined && removedRoles.includes(offer.role)) rescind(turn, offer);
  }
  commit(turn, {
    $case: 'putFramework',
    value: { frameworkInfo: framework.info, registeredAtMs: BigInt(framework.registeredAt) },
  });
  describe(turn, framework);
  tellAgentsOf(turn, framework);
  tellOperators(turn, { kind: 'frameworkUpdated', framework });
  return undefined;
}

/**
 * Removes a framework for good (S31, S32). Its tasks are killed; they hold their resources until their agents say that they have
 * ended, so that nothing is offered before it is free.
 */
export function removeFramework(turn: Turn, framework: Framework, why: string): void {
  const { state, now } = turn;
  withdrawFrameworkOffers(turn, framework);
  withdrawInverseOffers(turn, framework);
  if (framework.stream !== undefined) turn.effects.push({ kind: 'endStream', stream: framework.stream });
  framework.stream = undefined;
  for (const agent of agentsOf(state, framework)) {
    order(turn, agent, { $case: 'shutdownFramework', value: { frameworkId: { value: framework.id } } });
  }
  for (const task of framework.tasks.values()) {
    task.orphaned = true;
    // No agent will say anything more of it.
    if (task.denied && isTerminal(task.state)) complete(turn, undefined, task);
  }
  forgetDeniedOperations(turn, framework);
  commit(turn, {
    $case: 'removeFramework',
    value: {
      frameworkInfo: framework.info,
      registeredAtMs: BigInt(framework.registeredAt),
      removedAtMs: BigInt(now),
    },
  });
  state.frameworks.delete(framework.id);
  forgetAnswers(turn, framework.id);
  state.completedFrameworks.set(framework.id, {
    id: framework.id,
    info: framework.info,
    registeredAt: framework.registeredAt,
    removedAt: now,
    completed: [...framework.completed, ...framework.unreachable.values(), ...framework.tasks.values()],
  });
  forgetOldest(turn);
  tellAllocator(turn, { kind: 'frameworkRemoved', frameworkId: framework.id });
  tellOperators(turn, { kind: 'frameworkRemoved', framework });
  observe(turn, {
    kind: 'framework',
    frameworkId: framework.id,
    name: framework.info.name ?? '',
    to: 'removed',
    why,
  });
}

/** The framework that calls, or why it may not (S13). */
export function callerOf(state: MasterState, caller: Caller): Framework | Failure {
  const framework = state.frameworks.get(caller.frameworkId);
  if (framework === undefined) return failure('notFound', `framework ${caller.frameworkId} is not known`);
  if (framework.membership !== 'active')
    return failure('conflict', `framework ${caller.frameworkId} is not subscribed`);
  if (caller.stream !== '' && caller.stream !== framework.stream) {
    return failure(
      'conflict',
      `another instance of framework ${caller.frameworkId} has subscribed since: stream_id is not the newest`,
    );
  }
  return framework;
}

/** Adds a framework that is known from the registry or from an agent and has not subscribed. */
export function addRecovered(
  turn: Turn,
  description: FrameworkDescription & { readonly id: FrameworkId },
  registeredAt: Instant,
): Framework {
  const framework = makeFramework(description, description.id, registeredAt);
  turn.state.frameworks.set(framework.id, framework);
  startFailover(
    turn,
    framework,
    Math.max(framework.failoverTimeoutMs, turn.state.options.frameworkReregisterTimeoutMs),
  );
  observe(turn, {
    kind: 'framework',
    frameworkId: framework.id,
    name: framework.info.name ?? '',
    to: 'recovered',
    why: 'known from before the election',
  });
  return framework;
}

/** Tells the allocator what the framework is. */
export function describe(turn: Turn, framework: Framework, snapshot = false): void {
  const change = {
    kind: 'frameworkChanged',
    frameworkId: framework.id,
    name: framework.info.name ?? '',
    roles: framework.roles,
    suppressedRoles: [...framework.suppressed],
    active: framework.membership === 'active',
    capabilities: [...framework.capabilities],
    offerConstraints: framework.offerConstraints,
    offerFilters: framework.info.offerFilters,
  } as const;
  tellAllocator(turn, change, snapshot);
  // An allocator that has been told counts what it has offered by itself, ahead of what is known here.
  if (snapshot) describeDemands(turn, framework);
}

function addFramework(turn: Turn, description: FrameworkDescription): Framework {
  const { state, now } = turn;
  const id =
    description.id ?? (`${state.masterId}-${String(state.nextFramework++).padStart(4, '0')}` as FrameworkId);
  const framework = makeFramework(description, id, now);
  state.frameworks.set(id, framework);
  return framework;
}

function makeFramework(description: FrameworkDescription, id: FrameworkId, registeredAt: Instant): Framework {
  return {
    id,
    info: { ...description.info, id: { value: id } },
    roles: description.roles,
    capabilities: description.capabilities,
    suppressed: new Set(),
    offerConstraints: description.offerConstraints,
    demands: [],
    demandsVersion: 0,
    failoverTimeoutMs: description.failoverTimeoutMs,
    membership: 'recovered',
    stream: undefined,
    registeredAt,
    reregisteredAt: undefined,
    failoverAt: undefined,
    tasks: new Map(),
    unreachable: new Map(),
    completed: [],
    offers: new Set(),
    operations: new Map(),
  };
}

/** A framework that is known takes over from its older self (S26). */
function returned(turn: Turn, framework: Framework, description: FrameworkDescription): Framework {
  if (framework.stream !== undefined) {
    tell(turn, framework, { kind: 'error', message: 'Framework failed over' });
    turn.effects.push({ kind: 'endStream', stream: framework.stream });
  }
  withdrawFrameworkOffers(turn, framework);
  withdrawInverseOffers(turn, framework);
  applyDescription(framework, description);
  framework.reregisteredAt = turn.now;
  return framework;
}

/** What may change does; `user` and `checkpoint` stay as they were (S27). */
function applyDescription(framework: Framework, description: FrameworkDescription): void {
  const { user, checkpoint } = framework.info;
  framework.info = { ...description.info, id: { value: framework.id }, user, checkpoint };
  framework.roles = description.roles;
  framework.capabilities = description.capabilities;
  framework.offerConstraints = description.offerConstraints;
  framework.demands = framework.demands.filter(({ demand }) => description.roles.includes(demand.role));
  framework.failoverTimeoutMs = description.failoverTimeoutMs;
}

function mayReturn(state: MasterState, { id, info }: FrameworkDescription): Failure | undefined {
  if (id === undefined) return undefined;
  if (state.completedFrameworks.has(id)) return failure('conflict', 'Framework has been removed');
  const known = state.frameworks.get(id);
  const principal = known?.info.principal ?? '';
  if (known === undefined || principal === (info.principal ?? '')) return undefined;
  return failure('invalid', `framework_info.principal must stay ${principal === '' ? 'unset' : principal}`, {
    field: 'framework_info.principal',
  });
}

function mayChange(was: FrameworkInfo, is: FrameworkInfo): Failure | undefined {
  for (const field of ['principal', 'user', 'checkpoint'] as const) {
    if ((was[field] ?? '') !== (is[field] ?? ''))
      return failure('invalid', `framework_info.${field} must not change`, {
        field: `framework_info.${field}`,
      });
  }
  return undefined;
}

function refuse(turn: Turn, stream: StreamId, message: string): void {
  turn.effects.push(
    { kind: 'event', stream, event: { kind: 'error', message } },
    { kind: 'endStream', stream },
  );
}

function replaceSuppressed(framework: Framework, roles: readonly string[]): void {
  framework.suppressed.clear();
  for (const role of roles) framework.suppressed.add(role);
}

function startFailover(turn: Turn, framework: Framework, timeoutMs = framework.failoverTimeoutMs): void {
  const at = plusMs(turn.now, timeoutMs);
  framework.failoverAt = at;
  turn.state.deadlines.set(at, { kind: 'frameworkFailover', frameworkId: framework.id });
}

function tellAgentsOf(turn: Turn, framework: Framework): void {
  for (const agent of agentsOf(turn.state, framework)) {
    order(turn, agent, { $case: 'updateFramework', value: { frameworkInfo: framework.info } });
  }
}

function agentsOf(state: MasterState, framework: Framework): Set<Agent> {
  const agents = new Set<Agent>();
  for (const task of framework.tasks.values()) {
    const agent = state.agents.get(task.agentId);
    if (agent !== undefined) agents.add(agent);
  }
  for (const agent of state.agents.values()) {
    if (agents.has(agent) || (agent.executors.size === 0 && agent.operations.size === 0)) continue;
    for (const executor of agent.executors.values())
      if (executor.frameworkId === framework.id) agents.add(agent);
    for (const operation of agent.operations.values())
      if (operation.frameworkId === framework.id) agents.add(agent);
  }
  return agents;
}

function forgetOldest(turn: Turn): void {
  const { completedFrameworks, options } = turn.state;
  while (completedFrameworks.size > options.completedFrameworksMax) {
    const [oldest] = completedFrameworks.keys();
    if (oldest === undefined) return;
    completedFrameworks.delete(oldest);
    commit(turn, {
      $case: 'forgetRecords',
      value: { agentIds: [], frameworkIds: [{ value: oldest }], goneAgentIds: [] },
    });
  }
}
