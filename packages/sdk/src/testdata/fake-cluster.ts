import {
  createLogger,
  FailureError,
  startGrpcServer,
  unaryHandler,
  type GrpcServer,
  type GrpcService,
} from '@meseta/kit';
import { failure, isFailure, Resources } from '@meseta/model';
import {
  Offer_Operation_Type,
  SchedulerServiceService,
  resourcesFromProto,
  resourcesToProto,
  scheduler as v1,
  taskStateToProto,
  type SchedulerServiceServer,
  type SubscribeRequest,
  type SubscribeResponse,
  type TaskInfo,
  type TaskStatus,
} from '@meseta/protocol';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { TaskState } from '@meseta/model';

type Stream = ServerWritableStream<SubscribeRequest, SubscribeResponse>;

/** A task as the fake's agents know it: they outlive any master. */
export interface FakeTask {
  readonly info: TaskInfo;
  state: TaskState;
  /** Updates that were not yet acknowledged; only the first is sent, and again after every subscription. */
  readonly unacknowledged: TaskStatus[];
}

/**
 * A cluster that behaves as far as a framework can see: masters of which one leads, tasks that survive a change of
 * leader, updates that are sent one by one until acknowledged, offers that are used once.
 */
export class FakeCluster {
  readonly tasks = new Map<string, FakeTask>();
  readonly calls: { method: string; items: number; master: string }[] = [];
  readonly masters: FakeMaster[] = [];
  /** What a launched task does at once; tests may put in another life. */
  life: readonly TaskState[] = ['TASK_STARTING', 'TASK_RUNNING'];
  #numbers = 0;

  /** Adds a master; the first one leads. */
  async addMaster(more: readonly GrpcService[] = []): Promise<FakeMaster> {
    const master = new FakeMaster(this, more);
    await master.listen();
    if (this.masters.length === 0) master.leading = true;
    this.masters.push(master);
    return master;
  }

  get leader(): FakeMaster | undefined {
    return this.masters.find((master) => master.leading);
  }

  /** Makes another master lead; the streams of the one before break. */
  failover(to: FakeMaster): void {
    const before = this.leader;
    if (before !== undefined) before.leading = false;
    to.leading = true;
    before?.breakStream();
  }

  /** The agents report a new state of a task. */
  report(taskId: string, state: TaskState, message = ''): void {
    const task = this.task(taskId);
    task.state = state;
    const status: TaskStatus = {
      taskId: { value: taskId },
      agentId: task.info.agentId,
      state: taskStateToProto(state),
      message,
      uuid: Buffer.from(String((this.#numbers += 1)).padStart(16, '0')),
    };
    task.unacknowledged.push(status);
    if (task.unacknowledged.length === 1) this.leader?.sendUpdate(status);
  }

  task(taskId: string): FakeTask {
    const task = this.tasks.get(taskId);
    if (task === undefined)
      throw new Error(`the fake knows no task ${taskId}; it has ${[...this.tasks.keys()].join()}`);
    return task;
  }

  callsOf(method: string): { items: number; master: string }[] {
    return this.calls.filter((call) => call.method === method);
  }

  async close(): Promise<void> {
    await Promise.all(this.masters.map((master) => master.close()));
  }
}

/** One master of a `FakeCluster`. */
export class FakeMaster {
  leading = false;
  /** Refuses the next calls of this kind, as a master whose connection breaks after it took them. */
  loseAnswersOf: string | undefined;
  heartbeatSeconds = 15;
  readonly subscriptions: v1.Call_Subscribe[] = [];
  readonly offers = new Map<string, Resources>();
  readonly #cluster: FakeCluster;
  readonly #more: readonly GrpcService[];
  #server: GrpcServer | undefined;
  #stream: Stream | undefined;
  #offerNumber = 0;

  constructor(cluster: FakeCluster, more: readonly GrpcService[] = []) {
    this.#cluster = cluster;
    this.#more = more;
  }

  get address(): string {
    return this.#server?.address ?? '';
  }

  async listen(): Promise<void> {
    this.#server = await startGrpcServer({
      host: '127.0.0.1',
      port: 0,
      insecure: false,
      log: createLogger('fake', 'silent'),
      services: [
        ...this.#more,
        {
          definition: SchedulerServiceService,
          implementation: this.#implementation(),
          fullName: 'meseta.v1.SchedulerService',
        },
      ],
    });
  }

  /** Offers `cpus:4;mem:1024` of an agent; returns the offer's id. */
  offer(resources = 'cpus:4;mem:1024', agentId = 'A1', role = '*'): string {
    const parsed = Resources.parse(resources);
    if (isFailure(parsed)) throw new Error(parsed.message);
    const id = `${this.address}-O${(this.#offerNumber += 1)}`;
    this.offers.set(id, parsed.allocate(role));
    this.send({
      type: v1.Event_Type.OFFERS,
      offers: {
        offers: [
          {
            id: { value: id },
            agentId: { value: agentId },
            hostname: `host-of-${agentId}`,
            resources: resourcesToProto(parsed.allocate(role)),
            allocationInfo: { role },
            attributes: [],
            executorIds: [],
          },
        ],
      },
    });
    return id;
  }

  rescind(id: string): void {
    this.offers.delete(id);
    this.send({ type: v1.Event_Type.RESCIND, rescind: { offerId: { value: id } } });
  }

  send(event: v1.Event): void {
    this.#stream?.write({ streamId: '', events: [event] });
  }

  sendUpdate(status: TaskStatus): void {
    this.send({ type: v1.Event_Type.UPDATE, update: { status } });
  }

  /** Cuts the framework's stream as a dying master does. */
  breakStream(): void {
    // A server-side stream ends with the status that is emitted as its error.
    this.#stream?.emit('error', Object.assign(new Error('going away'), { code: 14, details: 'going away' }));
    this.#stream = undefined;
    this.offers.clear();
  }

  async close(): Promise<void> {
    this.breakStream();
    await this.#server?.close(0);
  }

  #implementation(): SchedulerServiceServer {
    const take = <Req>(
      method: string,
      items: (request: Req) => readonly unknown[],
      act: (request: Req) => void,
    ) =>
      unaryHandler<Req, object>(async (request) => {
        this.#checkLeading();
        this.#cluster.calls.push({ method, items: items(request).length, master: this.address });
        act(request);
        if (this.loseAnswersOf === method) {
          this.loseAnswersOf = undefined;
          throw new FailureError(failure('notLeader', 'the connection broke'));
        }
        return {};
      });
    const unused = <Req, Res>() =>
      unaryHandler<Req, Res>(() => Promise.reject(new FailureError(failure('invalid', 'not faked'))));
    return {
      subscribe: (stream) => this.#subscribe(stream),
      accept: take(
        'accept',
        (request) => request.accepts,
        ({ accepts }) => accepts.forEach((item) => this.#accept(item)),
      ),
      decline: take(
        'decline',
        (request) => request.declines,
        ({ declines }) => {
          for (const { value } of declines.flatMap((item) => item.offerIds)) this.offers.delete(value ?? '');
        },
      ),
      kill: take(
        'kill',
        (request) => request.kills,
        ({ kills }) => {
          for (const { taskId } of kills) {
            if (this.#cluster.tasks.has(taskId?.value ?? ''))
              this.#cluster.report(taskId?.value ?? '', 'TASK_KILLED');
          }
        },
      ),
      acknowledge: take(
        'acknowledge',
        (request) => request.acknowledgements,
        ({ acknowledgements }) => {
          for (const item of acknowledgements) this.#acknowledge(item);
        },
      ),
      reconcile: take(
        'reconcile',
        (request) => request.reconcile?.tasks ?? [],
        ({ reconcile }) => {
          this.#reconcile(reconcile?.tasks ?? []);
        },
      ),
      revive: take(
        'revive',
        (request) => request.revive?.roles ?? [],
        () => undefined,
      ),
      suppress: take(
        'suppress',
        (request) => request.suppress?.roles ?? [],
        () => undefined,
      ),
      message: take(
        'message',
        (request) => request.messages,
        () => undefined,
      ),
      request: take(
        'request',
        (request) => request.requests,
        () => undefined,
      ),
      teardown: take(
        'teardown',
        () => [],
        () => this.send({ type: v1.Event_Type.ERROR, error: { message: 'torn down' } }),
      ),
      shutdown: unused(),
      acceptInverseOffers: unused(),
      declineInverseOffers: unused(),
      acknowledgeOperationStatus: unused(),
      reconcileOperations: unused(),
      updateFramework: unused(),
    };
  }

  #checkLeading(): void {
    if (this.leading) return;
    const leader = this.#cluster.leader?.address;
    throw new FailureError(
      failure('notLeader', 'this master does not lead', leader === undefined ? {} : { leader }),
    );
  }

  #subscribe(stream: Stream): void {
    const subscribe = stream.request.subscribe;
    if (!this.leading || subscribe === undefined) {
      const leader = this.#cluster.leader?.address;
      const error = Object.assign(new Error('this master does not lead'), {
        code: 14,
        details: 'this master does not lead',
      });
      const metadata = stream.metadata.clone();
      metadata.set('meseta-failure', 'notLeader');
      if (leader !== undefined) metadata.set('meseta-leader', leader);
      stream.emit('error', Object.assign(error, { metadata }));
      return;
    }
    this.subscriptions.push(subscribe);
    const before = this.#stream;
    this.#stream = stream;
    before?.write({
      streamId: '',
      events: [{ type: v1.Event_Type.ERROR, error: { message: 'Framework failed over' } }],
    });
    before?.end();
    const frameworkId = subscribe.frameworkInfo?.id ?? { value: 'F-1' };
    stream.write({
      streamId: `${this.address}-${this.subscriptions.length}`,
      events: [
        {
          type: v1.Event_Type.SUBSCRIBED,
          subscribed: { frameworkId, heartbeatIntervalSeconds: this.heartbeatSeconds },
        },
        { type: v1.Event_Type.HEARTBEAT },
      ],
    });
    for (const task of this.#cluster.tasks.values()) {
      if (task.unacknowledged[0] !== undefined) this.sendUpdate(task.unacknowledged[0]);
    }
  }

  #accept(item: v1.Call_Accept): void {
    const pools = item.offerIds.map(({ value }) => this.offers.get(value ?? ''));
    for (const { value } of item.offerIds) this.offers.delete(value ?? '');
    for (const operation of item.operations) {
      if (operation.type !== Offer_Operation_Type.LAUNCH) continue;
      for (const info of operation.launch?.taskInfos ?? []) this.#launch(info, pools);
    }
  }

  #launch(info: TaskInfo, pools: readonly (Resources | undefined)[]): void {
    const id = info.taskId?.value ?? '';
    const asked = resourcesFromProto(info.resources);
    const valid = pools.every((pool) => pool !== undefined && !isFailure(asked) && pool.contains(asked));
    if (!valid) {
      this.sendUpdate({
        taskId: info.taskId,
        state: taskStateToProto('TASK_DROPPED'),
        message: 'invalid offers',
      });
      return;
    }
    this.#cluster.tasks.set(id, { info, state: 'TASK_STAGING', unacknowledged: [] });
    for (const state of this.#cluster.life) this.#cluster.report(id, state);
  }

  #acknowledge(item: v1.Call_Acknowledge): void {
    const task = this.#cluster.tasks.get(item.taskId?.value ?? '');
    const first = task?.unacknowledged[0];
    if (first?.uuid === undefined || item.uuid === undefined || !first.uuid.equals(item.uuid)) return;
    task?.unacknowledged.shift();
    if (task?.unacknowledged[0] !== undefined) this.sendUpdate(task.unacknowledged[0]);
  }

  #reconcile(asked: readonly v1.Call_Reconcile_Task[]): void {
    const ids =
      asked.length === 0 ? [...this.#cluster.tasks.keys()] : asked.map((one) => one.taskId?.value ?? '');
    for (const id of ids) {
      const task = this.#cluster.tasks.get(id);
      this.sendUpdate({
        taskId: { value: id },
        agentId: task?.info.agentId,
        state: taskStateToProto(task?.state ?? 'TASK_GONE'),
        message: 'Reconciliation: Latest task state',
      });
    }
  }
}
