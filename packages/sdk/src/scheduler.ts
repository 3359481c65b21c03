import { FailureError, type Logger } from '@meseta/kit';
import { failure, isFailure, nanosecondsOf, type Failure, type Resources } from '@meseta/model';
import {
  resourcesToProto,
  type Demand,
  type Offer_Operation,
  type OperationStatus,
  type TaskInfo,
  type TaskStatus,
  type scheduler as v1,
} from '@meseta/protocol';
import { AsyncQueue, dropOldest } from './async-queue';
import { demandsOf, type DemandSpec } from './demand';
import { systemEnvironment, type Environment } from './environment';
import { durationMsOf, type Duration } from './framework-options';
import { Offer } from './offer';
import { Reconciler, type TaskToAsk } from './reconciler';
import { SchedulerSession, type SessionOptions } from './session/session';
import { Task } from './task';
import { resourcesOf } from './task-spec';
import { taskUpdateOf, type TaskUpdate } from './task-update';
import { UpdateLane } from './update-lane';

/** What a scheduler is made of, beside its session. */
export interface SchedulerOptions extends SessionOptions {
  /** Sees every update before it is acknowledged; one that throws is not acknowledged, and comes again. */
  readonly onUpdate?: (update: TaskUpdate, task: Task) => void | Promise<void>;
  /** Sees what became of operations that were given an id, before it is acknowledged. */
  readonly onOperation?: (status: OperationStatus) => void;
  /** Told when the connection is lost and when it is back. */
  readonly onConnection?: (connected: boolean, why?: Failure) => void;
  readonly log?: Logger;
  /** Roles that start without offers; `true` is all of them. */
  readonly suppressed?: readonly string[] | true;
}

/** Offers that may wait for the `offers()` loop; at the bound a newcomer is declined, so that others get it. */
const offersWaitingMax = 10_000;
/** Raw events that may wait for an `events()` loop; at the bound the oldest makes room. */
const eventsWaitingMax = 10_000;
/** Tasks that ended and are remembered, so that a late repeat of their last update is known as one. */
const endedTasksMax = 10_000;

/**
 * A framework's scheduler: offers in, decisions out.
 *
 * Owns:         outstanding offers, task handles, acknowledgement (after `onUpdate`), dropping repeated updates, kills
 *               that are repeated until their task has ended, reconciliation after a reconnection.
 * Does not own: the connection (`SchedulerSession`), and what to run where, which is its author's.
 *
 * Invariants
 *   S1. An update is acknowledged only after its handler has returned, in the order of its task's updates.
 *   S2. An update with a uuid is shown once, however often it comes.
 *   S3. A task handle's state never changes after its end.
 *   S4. After a new subscription no earlier offer is open.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #environment: Environment;
  readonly #session: SchedulerSession;
  readonly #offers = new Map<string, Offer>();
  readonly #offerQueue: AsyncQueue<Offer>;
  readonly #eventQueues = new Set<AsyncQueue<v1.Event>>();
  readonly #tasks = new Map<string, Task>();
  readonly #endedIds: string[] = [];
  readonly #kills = new Map<string, v1.Call_Kill>();
  readonly #suppressed = new Set<string>();
  readonly #reconciler: Reconciler;
  readonly #lane: UpdateLane;
  readonly #roles: readonly string[];
  #ready: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #over: Error | undefined;
  #demands: readonly Demand[] = [];

  /** `connect` makes schedulers; this one is for those who bring their own session options. */
  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#environment = options.environment ?? systemEnvironment;
    this.#roles = options.frameworkInfo.roles;
    for (const role of options.suppressed === true ? this.#roles : (options.suppressed ?? [])) {
      this.#suppressed.add(role);
    }
    this.#offerQueue = new AsyncQueue({
      itemsMax: offersWaitingMax,
      onFull: (_waiting, newcomer) => newcomer.decline(),
      isStale: (offer) => !offer.open,
    });
    this.#session = new SchedulerSession(
      { ...options, environment: this.#environment, suppressedRoles: () => [...this.#suppressed] },
      {
        subscribed: ({ again }) => this.#subscribed(again),
        events: (events) => events.forEach((event) => this.#event(event)),
        disconnected: (why, retryInMs) => this.#disconnected(why, retryInMs),
        ended: (why) => this.#end(new FailureError(why)),
      },
    );
    this.#reconciler = new Reconciler({
      timers: this.#environment.timers,
      ask: (tasks) => this.#reconcile(tasks),
      open: () => this.#openTasks(),
    });
    this.#lane = new UpdateLane({
      pause: () => this.#session.pause(),
      resume: () => this.#session.resume(),
    });
  }

  /** The framework's id. Keep it to return later with the same tasks (`framework.id`). */
  get frameworkId(): string {
    return this.#session.frameworkId ?? '';
  }

  /** Whether the leader is connected now. When not, it is being looked for. */
  get connected(): boolean {
    return this.#session.subscribed;
  }

  /** The master that is talked to, or tried next. */
  get master(): string {
    return this.#session.master;
  }

  /** The calls themselves, for what this has no word for. */
  get calls(): SchedulerSession['calls'] {
    return this.#session.calls;
  }

  /** Every task that was launched or heard of and has not been forgotten. */
  get tasks(): ReadonlyMap<string, Task> {
    return this.#tasks;
  }

  /** Starts; resolves with the first subscription. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
      this.#session.start();
    });
  }

  /** The offers, as they come. Ends when the scheduler stops, with an error if the master ended it. */
  offers(): AsyncIterableIterator<Offer> {
    return this.#offerQueue;
  }

  /** Every event as it came, from now on, for authors who want to see all. It only watches: handling goes on underneath. */
  events(): AsyncIterableIterator<v1.Event> {
    const queue: AsyncQueue<v1.Event> = new AsyncQueue({
      itemsMax: eventsWaitingMax,
      onFull: dropOldest,
      onReturn: () => this.#eventQueues.delete(queue),
    });
    if (this.#over === undefined) this.#eventQueues.add(queue);
    else queue.end(this.#over);
    return queue;
  }

  /** Asks for a task to be killed, by its id; also one whose handle is not known here. */
  kill(taskId: string, grace?: Duration): Promise<void> {
    const graceMs = grace === undefined ? undefined : durationMsOf(grace);
    if (isFailure(graceMs)) return Promise.reject(new FailureError(graceMs));
    const agentId = this.#tasks.get(taskId)?.agentId;
    const item: v1.Call_Kill = {
      taskId: { value: taskId },
      agentId: agentId === undefined ? undefined : { value: agentId },
      killPolicy:
        graceMs === undefined ? undefined : { gracePeriod: { nanoseconds: nanosecondsOf(graceMs) } },
    };
    if (this.#tasks.get(taskId)?.ended === false) this.#kills.set(taskId, item);
    return this.#session.calls.kill(item).catch((error: unknown) => {
      // A kill that is remembered is sent again with the next subscription: that it could not be sent now is no failure.
      if (!this.#kills.has(taskId) || this.#over !== undefined) throw error;
    });
  }

  /** Asks for offers again, at once and without filters, for these roles or for all. */
  revive(roles: readonly string[] = []): Promise<void> {
    const revived = roles.length === 0 ? this.#roles : roles;
    for (const role of revived) this.#suppressed.delete(role);
    this.#demands = this.#demands.filter(({ role }) => !revived.includes(role));
    return this.#ifConnected(() => this.#session.calls.revive(roles));
  }

  /** Asks for no more offers, for these roles or for all; outstanding ones stay open. */
  suppress(roles: readonly string[] = []): Promise<void> {
    for (const role of roles.length === 0 ? this.#roles : roles) this.#suppressed.add(role);
    return this.#ifConnected(() => this.#session.calls.suppress(roles));
  }

  /**
   * Asks for room for tasks in particular, in place of what was asked for before: the framework is offered just that, as soon as there is room, and nothing when all of
   * it was offered. Empty asks for ordinary offers again. Holds across reconnections, where what was offered before counts as not offered.
   */
  async demand(wanted: readonly DemandSpec[]): Promise<void> {
    this.#demands = demandsOf(wanted, this.#roles);
    for (const { role } of this.#demands) this.#suppressed.delete(role);
    await this.#session.calls.demand(this.#demands);
  }

  /** The hint of Mesos v1, which is taken and changes nothing; {@link demand} is what is obeyed. */
  request(wanted: readonly (string | Resources)[]): Promise<void> {
    return this.#session.calls.request(
      wanted.map((one) => ({ resources: resourcesToProto(resourcesOf(one)) })),
    );
  }

  /** Asks how these tasks stand, or all that have not ended, until each was answered. Answers come as updates. */
  reconcile(taskIds?: readonly string[]): void {
    const asked = taskIds?.map((id) => ({ id, ...agentOf(this.#tasks.get(id)) }));
    this.#reconciler.start(asked ?? this.#openTasks());
  }

  /** Sends bytes to an executor, best effort. */
  message(to: { readonly agentId: string; readonly executorId: string }, data: Uint8Array): Promise<void> {
    return this.#session.calls.message({
      agentId: { value: to.agentId },
      executorId: { value: to.executorId },
      data: Buffer.from(data),
    });
  }

  /** Ends the framework and kills all its tasks. Its id may not come back. */
  async teardown(): Promise<void> {
    await this.#lane.settled();
    await this.#session.calls.drain();
    this.#session.leave();
    try {
      await this.#session.calls.teardown();
    } finally {
      await this.stop();
    }
  }

  /** Leaves. The framework and its tasks stay for its failover timeout, which is 0 unless it was given. */
  async stop(): Promise<void> {
    if (this.#over !== undefined) return;
    await this.#lane.settled();
    await this.#session.close();
    this.#end(new FailureError(failure('conflict', 'the scheduler was stopped')), true);
  }

  #subscribed(again: boolean): void {
    this.#rescindAll();
    this.#options.onConnection?.(true);
    this.#options.log?.info({ frameworkId: this.frameworkId, master: this.master, again }, 'subscribed');
    for (const kill of this.#kills.values()) void this.#session.calls.kill(kill).catch(() => undefined);
    if (this.#demands.length > 0) void this.#session.calls.demand(this.#demands).catch(() => undefined);
    const returns = !again && this.#options.frameworkInfo.id !== undefined;
    // A framework that returns does not know its tasks: the master is asked for all of them.
    if (returns) void this.#session.calls.reconcileAll().catch(() => undefined);
    this.#reconciler.start(this.#openTasks());
    this.#ready?.resolve();
    this.#ready = undefined;
  }

  #disconnected(why: Failure, retryInMs: number): void {
    this.#rescindAll();
    this.#reconciler.stop();
    this.#options.onConnection?.(false, why);
    this.#options.log?.warn({ frameworkId: this.frameworkId, why: why.message, retryInMs }, 'disconnected');
  }

  #event(event: v1.Event): void {
    for (const queue of this.#eventQueues) queue.push(event);
    for (const offer of event.offers?.offers ?? []) {
      const made = new Offer(offer, this.#offerPort);
      this.#offers.set(made.id, made);
      this.#offerQueue.push(made);
    }
    const rescinded = event.rescind?.offerId?.value;
    if (rescinded !== undefined) this.#forgetOffer(rescinded)?.rescind();
    if (event.update?.status !== undefined) this.#update(event.update.status);
    const operation = event.updateOperationStatus?.status;
    if (operation !== undefined) this.#operationUpdate(operation);
  }

  /** Shown, then acknowledged; one whose handler throws comes again. */
  #operationUpdate(status: OperationStatus): void {
    this.#options.onOperation?.(status);
    const uuid = status.uuid?.value;
    if (uuid === undefined || status.operationId === undefined) return;
    const { agentId, operationId } = status;
    // One that cannot be acknowledged now comes again.
    this.#session.calls.acknowledgeOperation({ agentId, operationId, uuid }).catch(() => undefined);
  }

  #update(status: TaskStatus): void {
    const update = taskUpdateOf(status);
    if (update === undefined) return;
    this.#reconciler.answered(update.taskId);
    const task = this.#taskOf(update);
    const uuid =
      status.uuid === undefined || status.uuid.length === 0 ? undefined : status.uuid.toString('hex');
    this.#lane.run(
      task.id,
      () => this.#show(task, update, uuid),
      (error) => {
        this.#options.log?.error(
          { err: error, taskId: task.id, state: update.state },
          'onUpdate failed; not acknowledged',
        );
      },
    );
  }

  /** Shows an update to the author, applies it, and acknowledges it: in this order (S1). */
  async #show(task: Task, update: TaskUpdate, uuid: string | undefined): Promise<void> {
    const repeated = uuid !== undefined && task.saw(uuid);
    if (!repeated) {
      const shown = this.#options.onUpdate?.(update, task);
      if (shown !== undefined) await shown;
      const before = task.ended;
      task.apply(update, uuid);
      if (task.ended && !before) this.#taskEnded(task);
    }
    if (uuid === undefined) return;
    const { agentId, taskId } = update.status;
    // A lost acknowledgement is harmless: the update comes again and is acknowledged again.
    void this.#session.calls
      .acknowledge({ agentId, taskId, uuid: update.status.uuid })
      .catch(() => undefined);
  }

  #taskOf(update: TaskUpdate): Task {
    const known = this.#tasks.get(update.taskId);
    if (known !== undefined) return known;
    const task = new Task({ id: update.taskId, name: update.taskId, ...agentOf(update) }, this.#taskPort);
    this.#tasks.set(task.id, task);
    return task;
  }

  #taskEnded(task: Task): void {
    this.#kills.delete(task.id);
    this.#endedIds.push(task.id);
    const oldest = this.#endedIds.length > endedTasksMax ? this.#endedIds.shift() : undefined;
    // The id may have been used again.
    if (oldest !== undefined && this.#tasks.get(oldest)?.ended === true) this.#tasks.delete(oldest);
  }

  readonly #taskPort = { kill: (task: Task, grace: Duration | undefined) => this.kill(task.id, grace) };

  readonly #offerPort = {
    newId: () => this.#environment.newId(),
    adopt: (info: TaskInfo, offer: Offer) => this.#adopt(info, offer),
    accept: (offer: Offer, operations: readonly Offer_Operation[], refuseMs: number | undefined) =>
      this.#accept(offer, operations, refuseMs),
    decline: (offer: Offer, refuseMs: number | undefined) => {
      this.#forgetOffer(offer.id);
      return this.#session.calls.decline({ offerIds: [{ value: offer.id }], filters: filtersOf(refuseMs) });
    },
  };

  #adopt(info: TaskInfo, offer: Offer): Task {
    const id = info.taskId?.value ?? '';
    if (this.#tasks.get(id)?.ended === false) {
      throw new FailureError(failure('alreadyExists', `task id ${id} is in use`, { field: 'task id' }));
    }
    const task = new Task(
      { id, name: info.name ?? id, agentId: offer.agentId, hostname: offer.hostname, info },
      this.#taskPort,
    );
    this.#tasks.set(id, task);
    return task;
  }

  async #accept(
    offer: Offer,
    operations: readonly Offer_Operation[],
    refuseMs: number | undefined,
  ): Promise<void> {
    this.#forgetOffer(offer.id);
    const launched = operations.flatMap((operation) => operation.launch?.taskInfos ?? []);
    try {
      await this.#session.calls.accept({
        offerIds: [{ value: offer.id }],
        operations,
        filters: filtersOf(refuseMs),
      });
    } catch (error) {
      const tasks = launched.flatMap((info) => this.#tasks.get(info.taskId?.value ?? '') ?? []);
      if (!this.#mayHaveBeenTaken(error)) {
        for (const task of tasks) this.#tasks.delete(task.id);
        throw error;
      }
      // Launched or not: only the master knows, now or once it is found again. At most once is kept by asking.
      if (this.connected) this.#reconciler.start(tasks.map((task) => ({ id: task.id, ...agentOf(task) })));
    }
  }

  #mayHaveBeenTaken(error: unknown): boolean {
    if (this.#over !== undefined || !(error instanceof FailureError)) return false;
    return ['notLeader', 'overloaded', 'fenced', 'bug'].includes(error.failure.kind);
  }

  #openTasks(): readonly TaskToAsk[] {
    return [...this.#tasks.values()]
      .filter((task) => !task.ended)
      .map((task) => ({ id: task.id, ...agentOf(task) }));
  }

  #reconcile(tasks: readonly TaskToAsk[]): void {
    for (const { id, agentId } of tasks) {
      const item = { taskId: { value: id }, agentId: agentId === undefined ? undefined : { value: agentId } };
      void this.#session.calls.reconcile(item).catch(() => undefined);
    }
  }

  #forgetOffer(id: string): Offer | undefined {
    const offer = this.#offers.get(id);
    this.#offers.delete(id);
    return offer;
  }

  #rescindAll(): void {
    for (const offer of this.#offers.values()) offer.rescind();
    this.#offers.clear();
  }

  /** What the next subscription says anyway need not be said while there is none. */
  #ifConnected(call: () => Promise<void>): Promise<void> {
    return this.connected ? call() : Promise.resolve();
  }

  #end(error: FailureError, asked = false): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.#rescindAll();
    this.#reconciler.stop();
    if (!asked) {
      this.#options.onConnection?.(false, error.failure);
      this.#options.log?.error({ frameworkId: this.frameworkId, why: error.message }, 'ended by the master');
    }
    for (const task of this.#tasks.values()) task.lose(error);
    this.#offerQueue.end(asked ? undefined : error);
    for (const queue of this.#eventQueues) queue.end(asked ? undefined : error);
    this.#ready?.reject(error);
    this.#ready = undefined;
  }
}

function filtersOf(refuseMs: number | undefined): v1.Call_Decline['filters'] {
  return refuseMs === undefined ? undefined : { refuseSeconds: refuseMs / 1000 };
}

function agentOf(of: { readonly agentId?: string | undefined } | undefined): { agentId?: string } {
  return of?.agentId === undefined ? {} : { agentId: of.agentId };
}
