import { join } from 'node:path';
import {
  Resources,
  agentId,
  parseDomain,
  executorId,
  frameworkId,
  instant,
  isFailure,
  offerId,
  operationId,
  printDomain,
  taskId,
  type Domain,
  type Instant,
  type OperationState,
  type Resource,
  type ResourceOperation,
  type TaskState,
} from '@meseta/model';
import { describeScenarios, wordsOf, type Interpreter } from '@meseta/testing';
import { domainFromProto, domainToProto } from '@meseta/protocol';
import type {
  AgentInfo,
  DomainInfo,
  ExecutorInfo,
  ExecutorInfo_Type,
  FrameworkInfo,
  Offer_Operation_Type,
  OperationState as ProtoOperationState,
  TaskInfo,
  TaskStatus,
  TaskState as ProtoTaskState,
  Unavailability,
  internal,
} from '@meseta/protocol';
import type {
  Command,
  ExecutorToLaunch,
  FrameworkDescription,
  OfferOperation,
  ReportedExecutor,
  ReportedOperation,
  ReportedTask,
  TaskToLaunch,
} from './command';
import { fixedOptions } from '../config';
import type { AllocationChange, Effect, FrameworkEvent } from './effect';
import type { Machine, MaintenanceWindow } from './machines';
import { recover } from './recovery';
import type { MasterOptions, MasterState } from './state';
import { nextDeadline, step } from './step';
import { checkInvariants } from './invariants.testing';

describe('the master, told in scenarios', () =>
  describeScenarios(join(__dirname, 'testdata'), () => new MasterInterpreter()));

const optionsDefault: MasterOptions = {
  pingIntervalMs: 15_000,
  pingsMissedMax: 5,
  agentReregisterTimeoutMs: 600_000,
  offerTimeoutMs: 300_000,
  ...fixedOptions,
  frameworkReregisterTimeoutMs: 60_000,
  goneAgentsMax: 2,
  agentRemovalIntervalMs: 0,
};

/** Words to commands, effects to words. Agents and streams are called as their sessions: `A1`, `F1`. */
class MasterInterpreter implements Interpreter {
  #now = instant(0);
  #options = optionsDefault;
  #state: MasterState = this.#elect({ agents: [], frameworks: [], weights: [] });

  run(line: string): readonly string[] {
    const { verb, plain, named } = wordsOf(line);
    if (verb === 'advance') return this.#advance(durationMs(plain[0] ?? ''), false);
    // Time passes, and every agent answers its pings.
    if (verb === 'advance-alive') return this.#advance(durationMs(plain[0] ?? ''), true);
    if (verb === 'new-leader') return this.#newLeader(plain);
    if (verb === 'masters-in') {
      const requireAgentDomain = named.get('require') === 'yes';
      this.#options = { ...optionsDefault, region: plain[0], requireAgentDomain };
      return this.#newLeader([...this.#state.agents.keys()]);
    }
    if (verb === 'roles-are') {
      this.#options = { ...optionsDefault, roles: new Set(plain) };
      return this.#newLeader([]);
    }
    if (verb === 'removals-every') {
      this.#options = { ...optionsDefault, agentRemovalIntervalMs: durationMs(plain[0] ?? '') };
      return this.#newLeader([]);
    }
    return this.#step(commandOf(verb, plain, named, this.#state));
  }

  #elect(recovered: Parameters<typeof recover>[2]): MasterState {
    return recover({ masterId: 'm', cluster: 'test', term: 1 }, this.#options, recovered, this.#now).state;
  }

  /** Another master takes over with what the registry holds: agents and frameworks, no tasks. */
  #newLeader(agents: readonly string[]): readonly string[] {
    const frameworks = [...this.#state.frameworks.values()].map((one) => ({
      description: { ...one, id: one.id, info: one.info, failoverTimeoutMs: one.failoverTimeoutMs },
      registeredAt: one.registeredAt,
      removedAt: undefined,
    }));
    this.#state = this.#elect({
      agents: agents.map((id) => ({
        info: agentInfo(id, this.#hostOf(id)),
        unreachable: false,
        since: this.#now,
      })),
      frameworks,
      weights: [],
      standings: [...this.#state.agents.values()]
        .filter((one) => one.deactivated)
        .map((one) => ({ agentId: one.id, drain: one.drain })),
      gone: [...this.#state.gone].map(([id, since]) => ({ agentId: id, since })),
      dismissed: [...this.#state.dismissed].map(([id, since]) => ({ agentId: id, since })),
      maintenance: this.#state.maintenance,
    });
    return [];
  }

  #hostOf(id: string): string {
    return this.#state.agents.get(agentId(id))?.hostname ?? 'h';
  }

  #step(command: Command): readonly string[] {
    return this.#effects(command).flatMap(print);
  }

  #effects(command: Command): readonly Effect[] {
    const effects = step(this.#state, command, this.#now);
    checkInvariants(this.#state);
    return effects;
  }

  #answerPings(): void {
    for (const agent of this.#state.agents.values()) {
      if (agent.session === undefined) continue;
      this.#effects({
        kind: 'pong',
        session: agent.session,
        agentId: agent.id,
        sequence: agent.pingSequence,
      });
    }
  }

  #advance(ms: number, alive: boolean): readonly string[] {
    const until = (this.#now + ms) as Instant;
    const lines: string[] = [];
    for (
      let at = nextDeadline(this.#state);
      at !== undefined && at <= until;
      at = nextDeadline(this.#state)
    ) {
      this.#now = at;
      const told = this.#step({ kind: 'tick' }).filter((line) => !alive || !line.endsWith(': ping'));
      lines.push(...told.map((line) => `${at / 1000}s ${line}`));
      if (alive) this.#answerPings();
    }
    this.#now = until;
    return lines;
  }
}

function commandOf(
  verb: string,
  plain: readonly string[],
  named: ReadonlyMap<string, string>,
  state: MasterState,
): Command {
  const [who = '', ...rest] = plain;
  const caller = { call: 1, frameworkId: frameworkId(who), stream: '' };
  const list = (name: string): string[] => (named.get(name) ?? '').split(',').filter((word) => word !== '');
  switch (verb) {
    case 'agent': {
      const id = named.get('id');
      const domain = domainOf(named.get('domain'));
      return {
        kind: 'agentRegister',
        session: who,
        agentId: id === undefined ? undefined : agentId(id),
        info: { ...agentInfo(id, `host-${who}`), ...(domain && { domain: domainToProto(domain) }) },
        cluster: named.get('cluster') ?? '',
        version: '1',
        capabilities: named.has('old')
          ? []
          : ['AGENT_DRAINING', 'AGENT_OPERATION_FEEDBACK', 'RESIZE_VOLUME', 'TASK_RESOURCE_LIMITS'],
        grpcAddress: 'a:1',
        httpAddress: 'a:2',
        total: resources(rest[0] ?? ''),
        oversubscribed: resources(named.get('lends') ?? ''),
        attributes: [],
        domain,
        tasks: rest.slice(1).map(reportedTask),
        executors: list('executors').map(reportedExecutor),
        operations: list('operations').map(reportedOperation),
        frameworks: list('frameworks').map((text) => description(text, undefined, new Map())),
      };
    }
    case 'agent-leaves':
      return { kind: 'agentSessionEnded', session: who, agentId: agentId(rest[0] ?? '') };
    case 'agent-unregisters':
      return { kind: 'agentUnregister', session: who, agentId: agentId(rest[0] ?? ''), reason: 'asked to' };
    case 'pong':
      return { kind: 'pong', session: who, agentId: agentId(rest[0] ?? ''), sequence: Number(rest[1]) };
    case 'subscribe':
      return {
        kind: 'subscribe',
        stream: who,
        framework: description(who, named.get('id'), named),
        suppressedRoles: list('suppressed'),
      };
    case 'stream-ends':
      return { kind: 'streamEnded', stream: who };
    case 'allocated':
      return {
        kind: 'proposals',
        version: Number(named.get('version') ?? state.allocationVersion),
        proposals: [
          {
            frameworkId: frameworkId(who),
            agentId: agentId(rest[0] ?? ''),
            resources: resources(rest[1] ?? ''),
            role: named.get('role') ?? 'web',
            allocatedAtMs: 0,
            traceparent: '',
            tasks: tasksOf(named.get('tasks')),
          },
        ],
      };
    case 'accept':
      return {
        kind: 'accept',
        ...caller,
        accepts: [
          {
            offerIds: list('offers').map(offerId),
            refuseMs: durationMs(named.get('refuse') ?? '5s'),
            operations: operationsOf(rest, named),
          },
        ],
      };
    case 'decline':
      return {
        kind: 'decline',
        ...caller,
        declines: [{ offerIds: rest.map(offerId), refuseMs: durationMs(named.get('refuse') ?? '5s') }],
      };
    case 'status': {
      const [agent = '', framework = '', task = '', reached = ''] = rest;
      return {
        kind: 'statusUpdate',
        session: who,
        agentId: agentId(agent),
        frameworkId: frameworkId(framework),
        taskId: taskId(task),
        status: { taskId: { value: task }, state: reached as ProtoTaskState } satisfies TaskStatus,
        state: reached as TaskState,
        latestState: (named.get('latest') ?? reached) as TaskState,
        uuid: named.get('uuid') ?? '',
        traceparent: '',
      };
    }
    case 'ack':
      return {
        kind: 'acknowledge',
        ...caller,
        acknowledgements: [
          { agentId: agentId(rest[0] ?? ''), taskId: taskId(rest[1] ?? ''), uuid: named.get('uuid') ?? '' },
        ],
      };
    case 'kill':
      return {
        kind: 'kill',
        ...caller,
        kills: [{ taskId: taskId(rest[0] ?? ''), agentId: undefined, graceMs: undefined }],
      };
    case 'reconcile':
      return {
        kind: 'reconcile',
        ...caller,
        tasks: rest.map((text) => {
          const [task = '', agent] = text.split('@');
          return { taskId: taskId(task), agentId: agent === undefined ? undefined : agentId(agent) };
        }),
      };
    case 'operation-status':
      return operationUpdate(who, rest, named);
    case 'ack-operation':
      return {
        kind: 'acknowledgeOperations',
        ...caller,
        acknowledgements: [
          {
            agentId: agentId(rest[0] ?? ''),
            operationId: operationId(rest[1] ?? ''),
            uuid: named.get('uuid') ?? '',
          },
        ],
      };
    case 'reconcile-operations':
      return {
        kind: 'reconcileOperations',
        ...caller,
        operations: rest.map((text) => {
          const [operation = '', agent] = text.split('@');
          return {
            operationId: operationId(operation),
            agentId: agent === undefined ? undefined : agentId(agent),
          };
        }),
      };
    case 'message':
      return {
        kind: 'message',
        ...caller,
        messages: [
          {
            agentId: agentId(rest[0] ?? ''),
            executorId: executorId(rest[1] ?? ''),
            data: Buffer.from(rest[2] ?? ''),
          },
        ],
      };
    case 'shutdown':
      return {
        kind: 'shutdown',
        ...caller,
        shutdowns: [{ agentId: agentId(rest[0] ?? ''), executorId: executorId(rest[1] ?? '') }],
      };
    case 'executor-message':
    case 'executor-ended': {
      const [agent = '', framework = '', executor = '', last = ''] = rest;
      const from = {
        session: who,
        agentId: agentId(agent),
        frameworkId: frameworkId(framework),
        executorId: executorId(executor),
      };
      return verb === 'executor-ended'
        ? { kind: 'executorEnded', ...from, status: Number(last) }
        : { kind: 'executorMessage', ...from, data: Buffer.from(last) };
    }
    case 'agent-resources':
      return {
        kind: 'agentResources',
        session: who,
        agentId: agentId(rest[0] ?? ''),
        total: rest[1] === undefined ? undefined : resources(rest[1]),
        oversubscribed: resources(named.get('lends') ?? '').map((one) => ({ ...one, revocable: true })),
      };
    case 'update-framework':
      return {
        kind: 'updateFramework',
        ...caller,
        framework: { ...description(who, who, named), id: frameworkId(who) },
        suppressedRoles: list('suppressed'),
      };
    case 'request':
      return {
        kind: 'request',
        ...caller,
        wanted: rest.map((word, at) => {
          const [count = '', ...perTask] = word.split('×');
          const amounts = quotaAmounts(perTask.join('×'));
          const demand = {
            id: `d${at}`,
            role: named.get('role') ?? 'web',
            count: Number(count),
            constraints: undefined,
            resources: Object.fromEntries(
              [...amounts].map(([name, milli]) => [name, { value: milli / 1000 }]),
            ),
          };
          return { demand, perTask: amounts };
        }),
      };
    case 'quota':
      return {
        kind: 'updateQuota',
        call: 0,
        force: named.get('force') === 'yes',
        quotas: [
          {
            role: plain[0] ?? '',
            guarantees: quotaAmounts(named.get('guarantee') ?? ''),
            limits: quotaAmounts(named.get('limit') ?? ''),
          },
        ],
      };
    case 'quotas':
      return {
        kind: 'updateQuota',
        call: 0,
        force: false,
        quotas: plain.map((text) => {
          const [role = '', ...guarantee] = text.split('@');
          return { role, guarantees: quotaAmounts(guarantee.join('@')), limits: quotaAmounts('') };
        }),
      };
    case 'weights':
      return {
        kind: 'updateWeights',
        call: 0,
        weights: plain.map((text) => ({
          role: text.split('@')[0] ?? '',
          weight: Number(text.split('@')[1]),
        })),
      };
    case 'weight':
      return {
        kind: 'updateWeights',
        call: 0,
        weights: [{ role: plain[0] ?? '', weight: Number(plain[1]) }],
      };
    case 'drain':
      return {
        kind: 'drainAgent',
        call: 0,
        agentId: agentId(who),
        graceMaxMs: named.has('grace') ? durationMs(named.get('grace') ?? '') : undefined,
        markGone: named.get('gone') === 'yes',
      };
    case 'operate': {
      const [kind = '', ...parts] = (rest[0] ?? '').split(':');
      const operation = resourceOperation(kind, parts, named.get('role') ?? 'web', named.has('shared'));
      if (operation === undefined) throw new Error(`scenario: ${kind} is not an operation`);
      const source = named.get('from');
      return {
        kind: 'operateAgent',
        call: 0,
        agentId: agentId(who),
        uuid: ''.padStart(32, 'f'),
        info: { type: kind.toUpperCase() as Offer_Operation_Type },
        operation:
          operation.kind === 'reserve' && source !== undefined
            ? { ...operation, source: reserved(parts.join(':'), source) }
            : operation,
      };
    }
    case 'deactivate':
      return { kind: 'deactivateAgent', call: 0, agentId: agentId(who) };
    case 'reactivate':
      return { kind: 'reactivateAgent', call: 0, agentId: agentId(who) };
    case 'gone':
      return { kind: 'markAgentGone', call: 0, agentId: agentId(who) };
    case 'schedule':
      return { kind: 'updateSchedule', call: 0, windows: plain.map(maintenanceWindow) };
    case 'start-maintenance':
      return { kind: 'startMaintenance', call: 0, machines: plain.map(machine) };
    case 'stop-maintenance':
      return { kind: 'stopMaintenance', call: 0, machines: plain.map(machine) };
    case 'ask':
      return {
        kind: 'inverseProposals',
        proposals: [
          {
            frameworkId: frameworkId(who),
            agentId: agentId(rest[0] ?? ''),
            startMs: durationMs(named.get('from') ?? ''),
          },
        ],
      };
    case 'accept-inverse':
    case 'decline-inverse':
      return {
        kind: verb === 'accept-inverse' ? 'acceptInverse' : 'declineInverse',
        ...caller,
        answers: [{ offerIds: rest.map(offerId), refuseMs: durationMs(named.get('refuse') ?? '5s') }],
      };
    case 'revive':
    case 'suppress':
      return { kind: verb, ...caller, roles: rest };
    case 'teardown':
      return { kind: 'teardown', ...caller };
    case 'allocator-connected':
      return { kind: 'allocatorConnected' };
    default:
      throw new Error(`scenario: unknown command ${verb}`);
  }
}

function print(effect: Effect): readonly string[] {
  switch (effect.kind) {
    case 'commit':
      return [`commit ${effect.operation.operation?.$case ?? ''}`];
    case 'reply':
      return isFailure(effect.result) ? [`refused ${effect.result.kind}: ${effect.result.message}`] : [];
    case 'event':
      return printEvent(effect.stream, effect.event);
    case 'endStream':
      return [`end stream ${effect.stream}`];
    case 'toAgent': {
      const message = effect.message.message;
      const task =
        message?.$case === 'killTask' || message?.$case === 'acknowledgeUpdate'
          ? ` ${message.value.taskId?.value ?? ''}`
          : '';
      const tasks =
        message?.$case === 'reconcileTasks'
          ? ` ${message.value.tasks.map((one) => one.taskId?.value ?? '').join(' ')}`
          : '';
      return [`to agent ${effect.session}: ${message?.$case ?? ''}${task}${tasks}${operationIn(message)}`];
    }
    case 'launch':
      return [
        `to agent ${effect.session}: launch ${effect.task.id} with ${effect.task.resources.toString()}` +
          (effect.executor === undefined ? '' : ` in ${effect.executor.id}`),
      ];
    case 'launchGroup':
      return [
        `to agent ${effect.session}: launch group ${effect.tasks.map((one) => one.id).join(' ')} in ${effect.executor.id}`,
      ];
    case 'endSession':
      return [`end session ${effect.session}${effect.why === undefined ? '' : `: ${effect.why.message}`}`];
    case 'allocation':
      return [`to allocator: ${printChange(effect.change)}`];
    case 'operator':
    case 'seen':
      return [];
  }
}

function printEvent(stream: string, event: FrameworkEvent): readonly string[] {
  const to = `to ${stream}:`;
  switch (event.kind) {
    case 'offers':
      return event.offers.map(
        ({ offer }) => `${to} offer ${offer.id} of ${offer.agentId} ${offer.resources.toString()}`,
      );
    case 'rescind':
      return [`${to} rescind ${event.offerId}`];
    case 'inverseOffers':
      return event.offers.map(
        ({ offer }) =>
          `${to} inverse offer ${offer.id} of ${offer.agentId} from ${secondsOf(offer.unavailability)}`,
      );
    case 'rescindInverse':
      return [`${to} rescind inverse offer ${event.offerId}`];
    case 'update':
      return [`${to} ${event.status.taskId?.value ?? ''} ${event.shownState}`];
    case 'madeUpdate':
      return [
        `${to} ${event.status.taskId} ${event.status.state}, ${event.status.reason}: ${event.status.message}`,
      ];
    case 'error':
      return [`${to} error ${event.message}`];
    case 'operationUpdate':
      return [
        `${to} operation ${event.status.operationId?.value ?? ''} ${event.status.state ?? ''}${event.status.uuid === undefined ? '' : ', to be acknowledged'}`,
      ];
    case 'madeOperationUpdate':
      return [`${to} operation ${event.status.operationId} ${event.status.state}: ${event.status.message}`];
    case 'message':
      return [`${to} message of ${event.executorId}: ${Buffer.from(event.data).toString()}`];
    case 'executorFailure':
      return [`${to} executor ${event.executorId} ended with ${event.status}`];
    case 'agentFailure':
      return [`${to} failure of ${event.agentId}`];
    case 'heartbeat':
      return [];
    case 'subscribed':
      return [`${to} subscribed as ${event.frameworkId}`];
  }
}

function printChange(change: AllocationChange): string {
  switch (change.kind) {
    case 'agentChanged': {
      const held = change.holdings
        .map((one) => ` ${one.frameworkId} holds ${one.resources.toString()}`)
        .join(',');
      return `agent ${change.agentId} ${change.total.toString()}${placed(change.domain)}${change.active ? '' : ' inactive'}${because(change)}${away(change.unavailability)}${held}`;
    }
    case 'agentActivated':
      return `agent ${change.agentId} ${change.active ? 'active' : 'inactive'}${because(change)}`;
    case 'agentRemoved':
      return `agent ${change.agentId} removed`;
    case 'frameworkChanged':
      return `framework ${change.frameworkId} ${change.active ? 'active' : 'inactive'} roles ${change.roles.join(',')}${change.suppressedRoles.length === 0 ? '' : ` suppressed ${change.suppressedRoles.join(',')}`}`;
    case 'frameworkRemoved':
      return `framework ${change.frameworkId} removed`;
    case 'recovered':
      return `${change.frameworkId} gives back ${change.resources.toString()} of ${change.agentId}${refusal(change)}${askedAgain(change.tasks)}`;
    case 'suppressed':
    case 'revived':
      return `${change.frameworkId} ${change.kind} ${change.roles.join(',')}`;
    case 'weightChanged':
      return `weight of ${change.role} ${change.weight}`;
    case 'snapshotEnd':
      return 'end of snapshot';
    case 'offersAccepted':
      return `${change.frameworkId} uses all of ${change.offers} offers of ${change.agentId}`;
    case 'demanded':
      return `${change.frameworkId} wants ${change.demands.map((one) => `${change.remaining.get(one.id) ?? one.count} × ${one.id}`).join(', ') || 'whatever there is'}`;
    case 'quotaChanged':
      return `quota of ${change.quota.role} guarantees ${printAmounts(change.quota.guarantees)} limits ${printAmounts(change.quota.limits)}`;
    case 'clusterChanged':
      return `cluster${change.region === '' ? '' : ` of region ${change.region}`} expects ${change.expectedAgents} agents`;
    case 'totalChanged':
      return `agent ${change.agentId} now has ${change.total.toString()}`;
    case 'converted':
      return `agent ${change.agentId}: ${change.consumed.toString()} became ${change.produced.toString()}`;
    case 'unavailabilityChanged':
      return `agent ${change.agentId}${away(change.unavailability) || ' stays'}`;
    case 'inverseOfferAnswered':
      return `${change.frameworkId} answered about ${change.agentId}, not again for ${change.refuseMs / 1000}s`;
  }
}

function because({ withheld }: { readonly withheld?: string }): string {
  return withheld === undefined ? '' : `, ${withheld}`;
}

/** What ended was not refused, nor was what the master took back. */
function refusal({ refuseMs, unused }: { readonly refuseMs: number; readonly unused?: boolean }): string {
  if (refuseMs > 0) return `, not again for ${refuseMs / 1000}s`;
  return unused === true && refuseMs === 0 ? ', not again at once' : '';
}

function askedAgain(tasks: ReadonlyMap<string, number> = new Map()): string {
  return tasks.size === 0
    ? ''
    : `, wants ${[...tasks].map(([id, count]) => `${count} × ${id}`).join(', ')} again`;
}

/** `d0:2,d1:1` */
function tasksOf(text = ''): ReadonlyMap<string, number> {
  const words = text.split(',').filter((word) => word !== '');
  return new Map(words.map((word) => [word.split(':')[0] ?? '', Number(word.split(':')[1])]));
}

function placed(domain: DomainInfo | undefined): string {
  const place = domainFromProto('domain', domain);
  return place === undefined || isFailure(place) ? '' : ` in ${printDomain(place)}`;
}

function away(unavailability: Unavailability | undefined): string {
  return unavailability === undefined ? '' : ` away from ${secondsOf(unavailability)}`;
}

function secondsOf({ start, duration }: Unavailability): string {
  const seconds = (nanoseconds: bigint | undefined): string => `${(nanoseconds ?? 0n) / 1_000_000_000n}s`;
  return (
    seconds(start?.nanoseconds) + (duration === undefined ? '' : ` for ${seconds(duration.nanoseconds)}`)
  );
}

/** `host-A1,host-A2/127.0.0.1@60s+30s`: machines, from when and for how long. */
function maintenanceWindow(text: string): MaintenanceWindow {
  const [machines = '', span = ''] = text.split('@');
  const [start = '', duration] = span.split('+');
  const nanoseconds = (word: string) => ({ nanoseconds: BigInt(durationMs(word)) * 1_000_000n });
  return {
    machines: machines
      .split(',')
      .filter((word) => word !== '')
      .map(machine),
    unavailability: {
      ...(start !== '' && { start: nanoseconds(start) }),
      ...(duration !== undefined && { duration: nanoseconds(duration) }),
    },
  };
}

/** `host`, `host/address` or `/address` */
function machine(text: string): Machine {
  const [hostname = '', ip = ''] = text.split('/');
  return { hostname, ip };
}

/** `eu/a` */
function domainOf(text: string | undefined): Domain | undefined {
  const domain = text === undefined ? undefined : parseDomain(text);
  if (isFailure(domain)) throw new Error(domain.message);
  return domain;
}

function quotaAmounts(text: string): ReadonlyMap<string, number> {
  return text === '' ? new Map<string, number>() : resources(text).quantities();
}

function printAmounts(amounts: ReadonlyMap<string, number>): string {
  return [...amounts].map(([name, milli]) => `${name}:${milli / 1000}`).join(';') || 'nothing';
}

function description(
  name: string,
  id: string | undefined,
  named: ReadonlyMap<string, string>,
): FrameworkDescription {
  const capabilities = (named.get('capabilities') ?? '').split(',').filter((word) => word !== '');
  const known = id ?? (name.startsWith('m-') ? name : undefined);
  const info: FrameworkInfo = { name, user: 'nobody', roles: [], capabilities: [], offerFilters: {} };
  return {
    info,
    id: known === undefined ? undefined : frameworkId(known),
    roles: (named.get('roles') ?? 'web').split(','),
    capabilities: new Set(capabilities),
    failoverTimeoutMs: durationMs(named.get('failover') ?? '0s'),
  };
}

function agentInfo(id: string | undefined, hostname: string): AgentInfo {
  return { hostname, resources: [], attributes: [], ...(id === undefined ? {} : { id: { value: id } }) };
}

function taskInfo(id: string, agent: string): TaskInfo {
  return {
    name: id,
    taskId: { value: id },
    agentId: { value: agent },
    resources: [],
    limits: {},
    command: { value: 'true', uris: [], arguments: [] },
  };
}

/** `T1:cpus:1;mem:32` on the first agent, or on the one named by agent=. */
function taskToLaunch(text: string, named: ReadonlyMap<string, string>): TaskToLaunch {
  const cut = text.indexOf(':');
  const id = text.slice(0, cut);
  const wanted = text.slice(cut + 1);
  return {
    taskId: taskId(id),
    info: taskInfo(id, named.get('agent') ?? 'm-A0'),
    resources: resources(wanted),
    executor: undefined,
  };
}

/**
 * Words of an ACCEPT, in order: `T1:cpus:1` launches a task (`in=E1:cpus:0.1` with that executor), `group:T1:cpus:1+T2:cpus:1` a group,
 * `reserve:cpus:1`, `unreserve:cpus:1`, `create:v1:disk:64`, `destroy:v1:disk:64`, `grow:v1:64:16` and `shrink:v1:64:16` change resources,
 * all of the role `web`; `id=` names them.
 */
function operationsOf(words: readonly string[], named: ReadonlyMap<string, string>): OfferOperation[] {
  return words.map((word, at): OfferOperation => {
    const [kind = '', ...rest] = word.split(':');
    const id = named.get('id');
    const uuid = String(at).padStart(32, '0');
    const name = { uuid, id: id === undefined ? undefined : operationId(id) };
    const operation = resourceOperation(kind, rest, named.get('reserve-as') ?? 'web', named.has('shared'));
    if (operation !== undefined) {
      const info = {
        type: kind.toUpperCase() as Offer_Operation_Type,
        id: id === undefined ? undefined : { value: id },
      };
      return { kind: 'resources', ...name, info, operation };
    }
    const executor = named.has('in') ? executorToLaunch(named.get('in') ?? '', kind === 'group') : undefined;
    if (kind !== 'group') {
      const task = taskToLaunch(word, named);
      const info = executor === undefined ? task.info : { ...task.info, command: undefined };
      return { kind: 'launch', ...name, tasks: [{ ...task, info, executor }] };
    }
    const tasks = rest
      .join(':')
      .split('+')
      .map((text) => taskToLaunch(text, named));
    return { kind: 'launchGroup', ...name, executor, tasks };
  });
}

function resourceOperation(
  kind: string,
  rest: readonly string[],
  role: string,
  shared: boolean,
): ResourceOperation | undefined {
  const volume = (id = '', disk = ''): Resource => ({
    ...(reserved(`disk:${disk}`, role).entries[0] as Resource),
    disk: { persistence: { id }, volume: { containerPath: 'data', mode: 'RW' } },
    ...(shared && { shared }),
  });
  const milli = (text = ''): number => Number(text) * 1000;
  /** `v1:disk:64+v2:disk:64` */
  const volumesOf = (words: readonly string[]): Resource[] =>
    words
      .join(':')
      .split('+')
      .map((text) => volume(text.split(':')[0], text.split(':')[2]));
  switch (kind) {
    case 'reserve':
      return { kind, resources: reserved(rest.join(':'), role), source: Resources.empty };
    case 'unreserve':
      return { kind, resources: reserved(rest.join(':'), role) };
    case 'create':
    case 'destroy':
      return { kind, volumes: Resources.of(volumesOf(rest)) };
    case 'grow':
      return {
        kind: 'growVolume',
        volume: volume(rest[0], rest[1]),
        addition: reserved(`disk:${rest[2] ?? ''}`, role).entries[0] as Resource,
      };
    case 'shrink':
      return { kind: 'shrinkVolume', volume: volume(rest[0], rest[1]), subtractMilli: milli(rest[2]) };
    default:
      return undefined;
  }
}

function reserved(text: string, role: string): Resources {
  const reservations = [{ type: 'DYNAMIC', role } as const];
  return resources(text).map((one) => ({ ...one, reservations }));
}

/** `E1:cpus:0.1;mem:32` */
function executorToLaunch(text: string, group: boolean): ExecutorToLaunch {
  const cut = text.indexOf(':');
  const id = cut < 0 ? text : text.slice(0, cut);
  const wanted = cut < 0 ? '' : text.slice(cut + 1);
  const info: ExecutorInfo = {
    executorId: { value: id },
    resources: [],
    ...(group
      ? { type: 'DEFAULT' as ExecutorInfo_Type }
      : { command: { value: 'executor', uris: [], arguments: [] } }),
  };
  return { executorId: executorId(id), info, resources: resources(wanted) };
}

/** `m-0000/E1:cpus:0.1` */
function reportedExecutor(text: string): ReportedExecutor {
  const [ids = '', ...rest] = text.split(':');
  const [framework = '', id = ''] = ids.split('/');
  const { info } = executorToLaunch(id, false);
  return {
    executorId: executorId(id),
    frameworkId: frameworkId(framework),
    info,
    role: 'web',
    resources: resources(rest.join(':')),
  };
}

/** `m-0000/op1:OPERATION_PENDING` */
function reportedOperation(text: string, at: number): ReportedOperation {
  const [ids = '', state = ''] = text.split(':');
  const [framework = '', id = ''] = ids.split('/');
  return {
    uuid: String(at).padStart(32, '0'),
    id: operationId(id),
    frameworkId: frameworkId(framework),
    info: { id: { value: id } },
    state: state as OperationState,
  };
}

/** `operation-status A1 m-A0 0 op1 OPERATION_FINISHED uuid=aa`, where 0 is the operation's place in its ACCEPT. */
function operationUpdate(
  session: string,
  [agent = '', place = '', id = '', state = '']: readonly string[],
  named: ReadonlyMap<string, string>,
): Command {
  const uuid = named.get('uuid') ?? '';
  return {
    kind: 'operationUpdate',
    session,
    agentId: agentId(agent),
    operationUuid: place.padStart(32, '0'),
    status: {
      ...(id !== '-' && { operationId: { value: id } }),
      state: state as ProtoOperationState,
      convertedResources: [],
      ...(uuid !== '' && { uuid: { value: Buffer.from(uuid, 'hex') } }),
    },
    state: state as OperationState,
    latestState: state as OperationState,
    uuid,
  };
}

/** What a message to an agent says of operations and executors. */
function operationIn(message: internal.MasterMessage['message']): string {
  switch (message?.$case) {
    case 'applyOperation':
      return ` ${message.value.operation?.type ?? ''}${message.value.acknowledged ? ', to be acknowledged' : ''}`;
    case 'reconcileOperations':
      return ` ${message.value.operations.map((one) => one.operationId?.value ?? '').join(' ')}`;
    case 'frameworkMessage':
    case 'shutdownExecutor':
      return ` ${message.value.executorId?.value ?? ''}`;
    case 'drain':
      return `${message.value.maxGracePeriodMs < 0n ? '' : `, at most ${message.value.maxGracePeriodMs} ms`}${message.value.markGone ? ', then gone' : ''}`;
    case 'refused':
      return `: ${message.value.reason}`;
    default:
      return '';
  }
}

/** `m-0000/T1:TASK_RUNNING:cpus:1` */
function reportedTask(text: string): ReportedTask {
  const [ids = '', state = '', ...rest] = text.split(':');
  const [framework = '', id = ''] = ids.split('/');
  return {
    taskId: taskId(id),
    frameworkId: frameworkId(framework),
    task: { resources: [], statuses: [], limits: {} },
    info: taskInfo(id, ''),
    executorId: undefined,
    role: 'web',
    resources: resources(rest.join(':')),
    state: state as TaskState,
  };
}

/**
 * `cpus:1;mem(web):32`, and what that syntax cannot say: `dynamic/cpus:1` reserved to `web`, `revocable/cpus:1`, and volumes of the role `web`,
 * `volume/v1:64`, `shared/v1:64`, or `volume/v1:64@logs` where it is mounted elsewhere.
 */
function resources(text: string): Resources {
  const parts = text.split(';').map((part) => /^(dynamic|revocable|volume|shared)\/(.*)$/.exec(part) ?? part);
  const plain = Resources.parse(parts.filter((part) => typeof part === 'string').join(';'));
  if (isFailure(plain)) throw new Error(plain.message);
  return parts.reduce<Resources>(
    (sum, part) => (typeof part === 'string' ? sum : sum.add(special(part[1] ?? '', part[2] ?? ''))),
    plain,
  );
}

function special(kind: string, text: string): Resources {
  if (kind === 'dynamic') return reserved(text, 'web');
  if (kind === 'revocable') return resources(text).map((one) => ({ ...one, revocable: true }));
  const [id = '', amount = '', containerPath = 'data'] = text.split(/[:@]/);
  return reserved(`disk:${amount}`, 'web').map((one) => ({
    ...one,
    disk: { persistence: { id }, volume: { containerPath, mode: 'RW' } },
    ...(kind === 'shared' && { shared: true }),
  }));
}

function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) throw new Error(`scenario: ${text} is not a duration`);
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 'ms'];
}
