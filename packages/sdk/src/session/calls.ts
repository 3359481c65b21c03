import { FailureError, callUnary, isFailureError, failureOf, type UnaryMethod } from '@meseta/kit';
import { failure, type Failure } from '@meseta/model';
import type { Demand, FrameworkID, Request, SchedulerServiceClient, scheduler as v1 } from '@meseta/protocol';
import { CallBatch } from './call-batch';

/** Where calls go while the framework is subscribed. */
export interface Connection {
  readonly client: SchedulerServiceClient;
  readonly streamId: string;
  readonly frameworkId: FrameworkID;
}

/** What every call of the scheduler service begins with. */
export interface CallHead {
  readonly frameworkId: FrameworkID;
  readonly streamId: string;
}

/** What `SchedulerCalls` needs of its session. */
export interface CallsPort {
  connection(): Connection | undefined;
  /** A call said that this master does not serve us any more. */
  broken(why: Failure): void;
}

/**
 * The scheduler's calls. What one turn of the loop asks of one kind travels in one call; each function's promise
 * settles when the master took it, or rejects with a `FailureError`.
 *
 * A call is never repeated here: whether an unanswered launch was taken is for reconciliation to find out.
 */
export class SchedulerCalls {
  readonly #port: CallsPort;
  readonly #batches: readonly { drain(): Promise<void>; abort(why: Failure): void }[];
  readonly #accepts: CallBatch<v1.Call_Accept>;
  readonly #declines: CallBatch<v1.Call_Decline>;
  readonly #kills: CallBatch<v1.Call_Kill>;
  readonly #acknowledgements: CallBatch<v1.Call_Acknowledge>;
  readonly #messages: CallBatch<v1.Call_Message>;
  readonly #reconciles: CallBatch<v1.Call_Reconcile_Task>;
  #over: Failure | undefined;

  constructor(port: CallsPort) {
    this.#port = port;
    this.#accepts = this.#batch(
      (client) => client.accept.bind(client),
      (head, accepts) => ({ ...head, accepts }),
    );
    this.#declines = this.#batch(
      (client) => client.decline.bind(client),
      (head, declines) => ({ ...head, declines }),
    );
    this.#kills = this.#batch(
      (client) => client.kill.bind(client),
      (head, kills) => ({ ...head, kills }),
    );
    this.#acknowledgements = this.#batch(
      (client) => client.acknowledge.bind(client),
      (head, acknowledgements) => ({ ...head, acknowledgements }),
    );
    this.#messages = this.#batch(
      (client) => client.message.bind(client),
      (head, messages) => ({ ...head, messages }),
    );
    this.#reconciles = this.#batch(
      (client) => client.reconcile.bind(client),
      (head, tasks) => ({ ...head, reconcile: { tasks } }),
    );
    this.#batches = [
      this.#accepts,
      this.#declines,
      this.#kills,
      this.#acknowledgements,
      this.#messages,
      this.#reconciles,
    ];
  }

  /** Takes offers of one agent and role, and says what to do with them. */
  accept(item: v1.Call_Accept): Promise<void> {
    return this.#accepts.push(item);
  }

  /** Gives offers back. */
  decline(item: v1.Call_Decline): Promise<void> {
    return this.#declines.push(item);
  }

  /** Asks for a task to be killed. */
  async kill(item: v1.Call_Kill): Promise<void> {
    // Before its launch a kill would be of a task that nobody knows.
    await this.#accepts.drain();
    return this.#kills.push(item);
  }

  /** Tells that a status was seen. */
  acknowledge(item: v1.Call_Acknowledge): Promise<void> {
    return this.#acknowledgements.push(item);
  }

  /** Sends bytes to an executor, best effort. */
  message(item: v1.Call_Message): Promise<void> {
    return this.#messages.push(item);
  }

  /** Asks how one task stands. */
  reconcile(item: v1.Call_Reconcile_Task): Promise<void> {
    return this.#reconciles.push(item);
  }

  /** Asks how every task stands that is not completed. */
  reconcileAll(): Promise<void> {
    return this.#now(
      (client) => client.reconcile.bind(client),
      (head) => ({ ...head, reconcile: { tasks: [] } }),
    );
  }

  /** Asks for offers again and forgets every filter, for these roles or, if empty, for all. */
  async revive(roles: readonly string[]): Promise<void> {
    await this.#decided();
    return this.#now(
      (client) => client.revive.bind(client),
      (head) => ({ ...head, revive: { roles } }),
    );
  }

  /** Asks for no more offers, for these roles or, if empty, for all. */
  async suppress(roles: readonly string[]): Promise<void> {
    await this.#decided();
    return this.#now(
      (client) => client.suppress.bind(client),
      (head) => ({ ...head, suppress: { roles } }),
    );
  }

  /** Tells what is wanted; replaces what was told before. */
  request(requests: readonly Request[]): Promise<void> {
    return this.#now(
      (client) => client.request.bind(client),
      (head) => ({ ...head, requests, demands: [] }),
    );
  }

  /** Asks for room for tasks in particular; replaces what was asked for before, and empty asks for ordinary offers again. */
  async demand(demands: readonly Demand[]): Promise<void> {
    await this.#decided();
    return this.#now(
      (client) => client.request.bind(client),
      (head) => ({ ...head, requests: [], demands }),
    );
  }

  /** Changes the framework's description. */
  async updateFramework(updateFramework: v1.Call_UpdateFramework): Promise<void> {
    await this.#decided();
    return this.#now(
      (client) => client.updateFramework.bind(client),
      (head) => ({ ...head, updateFramework }),
    );
  }

  /** Ends an executor. */
  shutdown(item: v1.Call_Shutdown): Promise<void> {
    return this.#now(
      (client) => client.shutdown.bind(client),
      (head) => ({ ...head, shutdowns: [item] }),
    );
  }

  /** Agrees to give resources up. */
  acceptInverseOffers(item: v1.Call_AcceptInverseOffers): Promise<void> {
    return this.#now(
      (client) => client.acceptInverseOffers.bind(client),
      (head) => ({ ...head, accepts: [item] }),
    );
  }

  /** Refuses to give resources up. */
  declineInverseOffers(item: v1.Call_DeclineInverseOffers): Promise<void> {
    return this.#now(
      (client) => client.declineInverseOffers.bind(client),
      (head) => ({ ...head, declines: [item] }),
    );
  }

  /** Tells that an operation's status was seen. */
  acknowledgeOperation(item: v1.Call_AcknowledgeOperationStatus): Promise<void> {
    return this.#now(
      (client) => client.acknowledgeOperationStatus.bind(client),
      (head) => ({ ...head, acknowledgements: [item] }),
    );
  }

  /** Ends the framework and all its tasks. */
  teardown(): Promise<void> {
    return this.#now(
      (client) => client.teardown.bind(client),
      (head) => head,
    );
  }

  /**
   * Settles when the master knows what was decided on offers until now. What asks for offers waits for it: a decline that was
   * said before and came after would hide, with its filter, what is asked for.
   */
  async #decided(): Promise<void> {
    await Promise.all([this.#accepts.drain(), this.#declines.drain()]);
  }

  /** Settles when every call made so far was answered. */
  async drain(): Promise<void> {
    // A kill waits for these before it is one of the calls.
    await this.#decided();
    await Promise.all(this.#batches.map((batch) => batch.drain()));
  }

  /** The session lost its master: what waits is refused, since offers and acknowledgements are void now. */
  disconnected(why: Failure): void {
    for (const batch of this.#batches) batch.abort(why);
  }

  /** Refuses everything from now on. */
  end(why: Failure): void {
    this.#over = why;
    this.disconnected(why);
  }

  #batch<Item, Req, Res>(
    method: (client: SchedulerServiceClient) => UnaryMethod<Req, Res>,
    message: (head: CallHead, items: readonly Item[]) => Req,
  ): CallBatch<Item> {
    return new CallBatch((items) => this.#now(method, (head) => message(head, items)));
  }

  async #now<Req, Res>(
    method: (client: SchedulerServiceClient) => UnaryMethod<Req, Res>,
    message: (head: CallHead) => Req,
  ): Promise<void> {
    if (this.#over !== undefined) throw new FailureError(this.#over);
    const connection = this.#port.connection();
    if (connection === undefined) {
      throw new FailureError(
        failure('notLeader', 'not subscribed now; the session is looking for the leader'),
      );
    }
    const { client, frameworkId, streamId } = connection;
    try {
      await callUnary(method(client), message({ frameworkId, streamId }));
    } catch (error) {
      const why = isFailureError(error) ? error.failure : failureOf(error);
      const same = this.#port.connection()?.client === client;
      if (same && (why.kind === 'notLeader' || why.kind === 'fenced')) this.#port.broken(why);
      throw error;
    }
  }
}
