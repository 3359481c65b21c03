import { isTerminal, type TaskState } from '@meseta/model';
import {
  ExecutorInfo_Type,
  FrameworkInfo_Capability_Type,
  Offer_Operation_Type,
  Resource_ReservationInfo_Type,
  Value_Type,
  type FrameworkInfo,
  type Offer,
  type Offer_Operation,
  type Resource,
  type TaskInfo,
  type TaskStatus,
  type scheduler,
} from '@meseta/protocol';
import type { SchedulerRequests } from '@meseta/master/core';
import type { Cancel, Time } from './agenda';
import type { CallAnswered, CallAsked, SubscribeSaid, SubscribeTold } from './master-node';
import type { End, Network, NodeId } from './network';
import type { Random } from './random';

/** How a framework behaves. All zero and false is a good one. */
export interface Temper {
  /** It thinks about an offer for up to so long. Milliseconds. */
  readonly thinksMs: number;
  /** How likely it is that it never answers an offer. */
  readonly hoards: number;
  /** How likely it is that it accepts an offer twice. */
  readonly acceptsTwice: number;
  /** How likely it is that it acknowledges something else first. */
  readonly acknowledgesWrongly: number;
  /** How likely it is that it forgets to acknowledge, until the update comes again. */
  readonly forgets: number;
  /** How likely it is, for each task, that it kills it. */
  readonly kills: number;
  /** How likely it is that an accepted offer is used to reserve, make volumes, and undo both. */
  readonly operates: number;
  /** How likely it is that tasks are launched as a group. */
  readonly groups: number;
  /** How likely it is that a description is wrong. */
  readonly errs: number;
}

export const goodTemper: Temper = {
  thinksMs: 0,
  hoards: 0,
  acceptsTwice: 0,
  acknowledgesWrongly: 0,
  forgets: 0,
  kills: 0.1,
  operates: 0,
  groups: 0,
  errs: 0,
};

/** A task as its framework knows it. */
export interface KnownTask {
  readonly id: string;
  readonly agentId: string;
  state: TaskState;
  /** Uuids seen, so that repeats are known. */
  readonly seen: Set<string>;
  readonly launchedAtMs: number;
  /** Its launch was not answered yet, or was sent twice: what is told of it may be of the one or of the other. */
  ambiguous: boolean;
}

/** An operation as its framework knows it. */
export interface KnownOperation {
  readonly id: string;
  readonly agentId: string;
  state: string;
}

/** Watches what frameworks are told. */
export interface FrameworkObserver {
  statusSeen(node: FrameworkNode, status: TaskStatus, first: boolean): void;
  frameworkAdmitted(node: FrameworkNode, id: string): void;
}

export interface FrameworkNodeDeps {
  readonly agenda: Time;
  readonly network: Network;
  readonly random: Random;
  readonly masters: readonly NodeId[];
  readonly observer: FrameworkObserver;
  readonly role: string;
  readonly temper: Temper;
  readonly partitionAware: boolean;
  readonly failoverTimeoutMs: number;
  /** How many tasks it runs at once, and in all. */
  readonly tasksAtOnce: number;
  readonly tasksMax: number;
}

/** After so long a launch has arrived or never will. */
const launchMaxMs = 120_000;

/** A framework that remembers what it launched, as a good one does; how it treats the master is its temper. */
export class FrameworkNode {
  up = false;
  /** It launches nothing more, answers and acknowledges everything, and wants no offers: for the end of a simulation. */
  calm = false;
  frameworkId = '';
  /** The master has ended it: torn down, or away for too long. */
  removed = false;
  readonly tasks = new Map<string, KnownTask>();
  readonly operations = new Map<string, KnownOperation>();
  readonly offers = new Set<string>();
  subscribed = false;
  #launched = 0;
  #operated = 0;
  #end: End<SubscribeTold, SubscribeSaid> | undefined;
  #streamId = '';
  #masterAt: number;
  #hint: NodeId | undefined;
  #cancel: Cancel | undefined;
  #life = 0;

  constructor(
    readonly id: NodeId,
    readonly deps: FrameworkNodeDeps,
  ) {
    this.#masterAt = deps.random.int(0, 100);
  }

  start(): void {
    if (this.removed) return;
    this.up = true;
    this.#life += 1;
    this.#connect();
  }

  /** The process dies. What it launched it has written down. */
  crash(silent: boolean): void {
    this.up = false;
    this.#life += 1;
    this.#lose();
    this.#cancel?.();
    this.deps.network.down(this.id, silent);
  }

  /** Another instance of it takes over, while the old connection may still be open. */
  failOver(): void {
    if (!this.up) return;
    this.#life += 1;
    this.#lose();
    this.#cancel?.();
    this.#connect();
  }

  teardown(): void {
    if (!this.subscribed) return;
    this.#call('teardown', {});
  }

  /** From here on it is as good as can be. */
  calmDown(): void {
    this.calm = true;
    if (this.subscribed) this.#call('suppress', { suppress: { roles: [] } });
  }

  /** Asks how every task stands that it takes for alive; of a launch that is on its way nobody can know. */
  reconcile(): void {
    const now = this.deps.agenda.now;
    const tasks = [...this.tasks.values()]
      .filter((task) => !isTerminal(task.state) && (!task.ambiguous || now - task.launchedAtMs > launchMaxMs))
      .map((task) => ({ taskId: { value: task.id }, agentId: { value: task.agentId } }));
    if (tasks.length > 0) this.#call('reconcile', { reconcile: { tasks } });
    const operations = [...this.operations.values()]
      .filter(({ state }) => state === 'OPERATION_PENDING')
      .map(({ id, agentId }) => ({ operationId: { value: id }, agentId: { value: agentId } }));
    if (operations.length > 0) this.#call('reconcileOperations', { reconcileOperations: { operations } });
  }

  get alive(): number {
    let count = 0;
    for (const task of this.tasks.values()) if (!isTerminal(task.state)) count += 1;
    return count;
  }

  #info(): FrameworkInfo {
    const { partitionAware, failoverTimeoutMs, role } = this.deps;
    const capabilities = [
      FrameworkInfo_Capability_Type.MULTI_ROLE,
      FrameworkInfo_Capability_Type.RESERVATION_REFINEMENT,
      FrameworkInfo_Capability_Type.TASK_KILLING_STATE,
      ...(partitionAware ? [FrameworkInfo_Capability_Type.PARTITION_AWARE] : []),
    ];
    return {
      user: 'sim',
      name: this.id,
      ...(this.frameworkId !== '' && { id: { value: this.frameworkId } }),
      roles: [role],
      failoverTimeout: failoverTimeoutMs / 1000,
      checkpoint: true,
      capabilities: capabilities.map((type) => ({ type })),
      offerFilters: {},
    };
  }

  #connect(): void {
    const { network, masters } = this.deps;
    const master = this.#hint ?? masters[this.#masterAt++ % masters.length] ?? '';
    this.#hint = undefined;
    const end = network.connect<SubscribeTold, SubscribeSaid>(this.id, master, 'subscribe');
    this.#end = end;
    end.send({ subscribe: { frameworkInfo: this.#info(), suppressedRoles: [] } });
    end.onMessage = (told) => {
      if (this.#end !== end) return;
      if (told.kind === 'notLeader') {
        this.#hint = told.leader;
        return this.#again();
      }
      this.#streamId = told.streamId;
      for (const event of told.events) this.#event(event);
    };
    end.onEnd = () => {
      if (this.#end === end) this.#again();
    };
  }

  #again(): void {
    this.#lose();
    if (!this.up || this.removed) return;
    const waitMs = this.deps.random.skewed(20, 2000);
    this.#cancel = this.deps.agenda.after(waitMs, () => {
      if (this.up && this.#end === undefined) this.#connect();
    });
  }

  #lose(): void {
    this.#end?.close();
    this.#end = undefined;
    this.subscribed = false;
    this.offers.clear();
  }

  #event(event: scheduler.Event): void {
    const { subscribed, offers, inverseOffers, rescind, update, updateOperationStatus, error } = event;
    if (subscribed !== undefined) this.#admitted(subscribed.frameworkId?.value ?? '');
    for (const offer of offers?.offers ?? []) this.#offered(offer);
    for (const { id } of inverseOffers?.inverseOffers ?? []) this.#asked(id?.value ?? '');
    if (rescind !== undefined) this.offers.delete(rescind.offerId?.value ?? '');
    if (update?.status !== undefined) this.#updated(update.status);
    if (updateOperationStatus?.status !== undefined) this.#operationUpdated(updateOperationStatus.status);
    if (error !== undefined) {
      // Failed over is what this framework did itself; anything else is for good.
      if (error.message?.includes('failed over') !== true) this.removed = true;
      this.#again();
    }
  }

  #admitted(id: string): void {
    this.frameworkId = id;
    this.subscribed = true;
    this.deps.observer.frameworkAdmitted(this, id);
    if (this.calm) this.#call('suppress', { suppress: { roles: [] } });
    this.reconcile();
    this.#reconcileLater(this.#end);
  }

  /** A good framework asks again and again: an answer may be silence. */
  #reconcileLater(stream: unknown): void {
    this.deps.agenda.after(60_000, () => {
      if (stream !== this.#end || !this.subscribed) return;
      this.reconcile();
      this.#reconcileLater(stream);
    });
  }

  #offered(offer: Offer): void {
    const { agenda, random, temper } = this.deps;
    const id = offer.id?.value ?? '';
    this.offers.add(id);
    // The call that asked for no more may have gone lost.
    if (this.calm) this.#call('suppress', { suppress: { roles: [] } });
    const life = this.#life;
    if (!this.calm && random.chance(temper.hoards)) return;
    agenda.after(this.calm ? 1 : random.skewed(0, temper.thinksMs), () => {
      if (life === this.#life && this.up) this.#decide(offer, id);
    });
  }

  /** A machine will be away: it says yes, no, or nothing. */
  #asked(id: string): void {
    const { random } = this.deps;
    const answer = { inverseOfferIds: [{ value: id }], filters: { refuseSeconds: random.pick([1, 60]) } };
    if (random.chance(0.4)) this.#call('acceptInverseOffers', { accepts: [answer] });
    else if (random.chance(0.7)) this.#call('declineInverseOffers', { declines: [answer] });
  }

  #decide(offer: Offer, id: string): void {
    const { random, temper } = this.deps;
    // A framework that does not listen uses offers that were rescinded: the master has to see to it.
    if (!this.offers.delete(id) && !random.chance(temper.acceptsTwice)) return;
    const operations = this.calm ? [] : this.#operations(offer);
    if (operations.length === 0) {
      const refuseSeconds = this.calm ? 0.5 : random.pick([0, 1, 5, 60]);
      return this.#call('decline', { declines: [{ offerIds: [{ value: id }], filters: { refuseSeconds } }] });
    }
    const accept = { accepts: [{ offerIds: [{ value: id }], operations, filters: { refuseSeconds: 1 } }] };
    if (random.chance(temper.acceptsTwice)) {
      this.#call('accept', accept);
      this.#call('accept', accept);
    } else {
      this.#call('accept', accept, () => this.#launchTaken(operations));
    }
  }

  /** The master has the launches: from here on every word about these tasks counts. */
  #launchTaken(operations: readonly Offer_Operation[]): void {
    for (const { launch, launchGroup } of operations)
      for (const { taskId } of launch?.taskInfos ?? launchGroup?.taskGroup?.tasks ?? []) {
        const task = this.tasks.get(taskId?.value ?? '');
        if (task !== undefined) task.ambiguous = false;
      }
  }

  #operations(offer: Offer): Offer_Operation[] {
    const { random, temper, tasksAtOnce, tasksMax } = this.deps;
    const cpus = plainAmount(offer, 'cpus');
    const operations: Offer_Operation[] = [];
    if (random.chance(temper.operates)) operations.push(...this.#reshape(offer));
    const room = Math.min(
      tasksAtOnce - this.alive,
      tasksMax - this.#launched,
      Math.floor((cpus - 0.6) / 0.5),
    );
    if (room <= 0) return operations;
    const tasks: TaskInfo[] = [];
    for (let i = 0; i < random.int(1, room); i++) tasks.push(this.#task(offer));
    if (random.chance(temper.groups)) {
      const executor = {
        type: ExecutorInfo_Type.DEFAULT,
        executorId: { value: `pod-${this.#launched}` },
        resources: [amount('cpus', 0.1), amount('mem', 32), amount('disk', 1)],
      };
      operations.push({
        type: Offer_Operation_Type.LAUNCH_GROUP,
        launchGroup: { executor, taskGroup: { tasks } },
      });
    } else {
      operations.push({ type: Offer_Operation_Type.LAUNCH, launch: { taskInfos: tasks } });
    }
    return operations;
  }

  #task(offer: Offer): TaskInfo {
    const { random, temper } = this.deps;
    const agentId = offer.agentId?.value ?? '';
    const id = `${this.id}-t${this.#launched++}`;
    const launchedAtMs = this.deps.agenda.now;
    this.tasks.set(id, {
      id,
      agentId,
      state: 'TASK_STAGING',
      seen: new Set(),
      launchedAtMs,
      ambiguous: true,
    });
    const runsMs = random.chance(0.2) ? '' : String(random.int(100, 60_000));
    const deaf = random.chance(0.1) ? ' deaf' : '';
    const command = runsMs === '' ? 'serve' : `run ${runsMs} ${random.chance(0.2) ? 1 : 0}${deaf}`;
    if (random.chance(temper.kills)) this.#killLater(id, random.int(0, 30_000));
    return {
      name: id,
      taskId: { value: id },
      agentId: { value: random.chance(temper.errs) ? 'elsewhere' : agentId },
      resources: [amount('cpus', 0.5), amount('mem', 32)],
      command: { value: command, uris: [], arguments: [] },
      limits: {},
    };
  }

  #killLater(taskId: string, ms: number): void {
    this.deps.agenda.after(ms, () => {
      const task = this.tasks.get(taskId);
      if (task === undefined || isTerminal(task.state) || !this.subscribed) return;
      this.#call('kill', { kills: [{ taskId: { value: taskId } }] });
    });
  }

  /** Reserves what is not reserved, or undoes what is; makes a volume of reserved disk, or destroys it. */
  #reshape(offer: Offer): Offer_Operation[] {
    const { role } = this.deps;
    const id = { value: `${this.id}-o${this.#operated++}` };
    const volume = offer.resources.find(({ disk }) => disk?.persistence !== undefined);
    const reserved = offer.resources.find(
      ({ name, disk, reservations }) =>
        name === 'disk' && disk?.persistence === undefined && reservations.length > 0,
    );
    this.operations.set(id.value, {
      id: id.value,
      agentId: offer.agentId?.value ?? '',
      state: 'OPERATION_PENDING',
    });
    if (volume !== undefined)
      return [{ type: Offer_Operation_Type.DESTROY, id, destroy: { volumes: [volume] } }];
    if (reserved === undefined) {
      const reservations = [{ type: Resource_ReservationInfo_Type.DYNAMIC, role }];
      const resources = [{ ...amount('disk', 64), reservations }];
      return [{ type: Offer_Operation_Type.RESERVE, id, reserve: { resources, source: [] } }];
    }
    if (this.deps.random.chance(0.5))
      return [{ type: Offer_Operation_Type.UNRESERVE, id, unreserve: { resources: [reserved] } }];
    const disk = {
      persistence: { id: `${this.id}-v${this.#operated}` },
      volume: { containerPath: 'data', mode: 'RW' as never },
    };
    return [{ type: Offer_Operation_Type.CREATE, id, create: { volumes: [{ ...reserved, disk }] } }];
  }

  #updated(status: TaskStatus): void {
    const { random, temper, observer } = this.deps;
    const id = status.taskId?.value ?? '';
    const uuid = status.uuid?.toString('hex') ?? '';
    const task = this.tasks.get(id);
    const first = task !== undefined && uuid !== '' && !task.seen.has(uuid);
    if (uuid !== '') task?.seen.add(uuid);
    observer.statusSeen(this, status, first);
    const state = status.state as string as TaskState;
    // What the framework takes for the truth: the newest it was told, but an end stays an end.
    if (task !== undefined && !isTerminal(task.state) && state !== 'TASK_UNKNOWN') task.state = state;
    if (uuid === '' || (!this.calm && random.chance(temper.forgets))) return;
    if (!this.calm && random.chance(temper.acknowledgesWrongly)) this.#acknowledge(status, random.uuid());
    this.#acknowledge(status, uuid);
  }

  #acknowledge(status: TaskStatus, uuid: string): void {
    this.#call('acknowledge', {
      acknowledgements: [{ agentId: status.agentId, taskId: status.taskId, uuid: Buffer.from(uuid, 'hex') }],
    });
  }

  #operationUpdated(status: NonNullable<scheduler.Event_UpdateOperationStatus['status']>): void {
    const id = status.operationId?.value ?? '';
    const operation = this.operations.get(id);
    const state: string = status.state ?? '';
    if (operation !== undefined && state !== 'OPERATION_PENDING') operation.state = state;
    if (status.uuid?.value === undefined) return;
    this.#call('acknowledgeOperationStatus', {
      acknowledgements: [
        { agentId: status.agentId, operationId: status.operationId, uuid: status.uuid.value },
      ],
    });
  }

  /** Each call travels on a connection of its own, so that calls overtake each other. */
  #call<Name extends keyof SchedulerRequests>(
    name: Name,
    request: Omit<SchedulerRequests[Name], 'frameworkId' | 'streamId'>,
    taken: () => void = () => undefined,
  ): void {
    const master = this.#end?.peer;
    if (master === undefined || !this.subscribed) return;
    const end = this.deps.network.connect<CallAnswered, CallAsked>(this.id, master, 'call');
    end.onMessage = (answer) => {
      end.close();
      if (answer.kind !== 'done') return;
      taken();
      if (name === 'teardown') this.removed = true;
    };
    end.send({
      name,
      request: { ...request, frameworkId: { value: this.frameworkId }, streamId: this.#streamId },
    } as never);
  }
}

function amount(name: string, value: number): Resource {
  return { name, type: Value_Type.SCALAR, scalar: { value }, reservations: [] };
}

/** How much of a scalar an offer has that is not reserved. */
function plainAmount(offer: Offer, name: string): number {
  let value = 0;
  for (const resource of offer.resources)
    if (resource.name === name && resource.reservations.length === 0) value += resource.scalar?.value ?? 0;
  return value;
}
