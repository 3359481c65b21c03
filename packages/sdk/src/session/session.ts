import type { ClientReadableStream } from '@grpc/grpc-js';
import { FailureError, LeaderFinder, failureOf } from '@meseta/kit';
import { failure, msBetween, type Failure, type Instant } from '@meseta/model';
import type {
  SchedulerServiceClient,
  scheduler as v1,
  FrameworkInfo,
  SubscribeResponse,
} from '@meseta/protocol';
import { systemEnvironment, type Environment } from '../environment';
import { SchedulerCalls } from './calls';

/** What a session tells its owner. Handlers are synchronous; a slow owner pauses the session instead. */
export interface SessionHandlers {
  /** Subscribed, for the first time or `again`: every outstanding offer is void then. */
  subscribed(info: { readonly frameworkId: string; readonly again: boolean }): void;
  /** Events in their order; those that keep the session itself alive are included. */
  events(events: readonly v1.Event[]): void;
  /** The stream broke; the session looks for the leader and subscribes again after `retryInMs`. */
  disconnected(why: Failure, retryInMs: number): void;
  /** The master refused the framework for good: it was torn down, replaced, or its description is wrong. */
  ended(why: Failure): void;
}

/** What a session is made of. */
export interface SessionOptions {
  /** The masters, as host:port; any one that lives is enough to find the leader. */
  readonly addresses: readonly string[];
  readonly frameworkInfo: FrameworkInfo;
  /** The roles that start without offers; asked anew at every subscription. */
  readonly suppressedRoles?: () => readonly string[];
  readonly offerConstraints?: v1.OfferConstraints;
  readonly environment?: Environment;
}

/** Heartbeats that may be missed before the stream counts as dead (Mesos's advice to its frameworks). */
export const heartbeatsMissedMax = 5;
const heartbeatDefaultMs = 15_000;

/**
 * The conversation with the leading master, for authors who want to drive everything themselves.
 *
 * Owns:         finding and following the leader, the stream of events, its heartbeat, subscribing again with the
 *               same framework id, and the connection that calls travel on.
 * Does not own: offers, tasks, acknowledgement and reconciliation; `Scheduler` does those.
 */
export class SchedulerSession {
  readonly calls: SchedulerCalls;
  readonly #options: SessionOptions;
  readonly #handlers: SessionHandlers;
  readonly #environment: Environment;
  readonly #leader: LeaderFinder;
  #client: SchedulerServiceClient | undefined;
  #stream: ClientReadableStream<SubscribeResponse> | undefined;
  #frameworkId: string | undefined;
  #subscribed = false;
  #everSubscribed = false;
  #streamId = '';
  #heardAt: Instant;
  #heartbeatMs = heartbeatDefaultMs;
  #cancelTimer: (() => void) | undefined;
  #over = false;
  #leaving = false;

  constructor(options: SessionOptions, handlers: SessionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#environment = options.environment ?? systemEnvironment;
    this.#leader = new LeaderFinder({ addresses: options.addresses, random: this.#environment.random });
    this.#frameworkId = options.frameworkInfo.id?.value;
    this.#heardAt = this.#environment.clock.now();
    this.calls = new SchedulerCalls({
      connection: () =>
        this.#subscribed && this.#client !== undefined
          ? {
              client: this.#client,
              streamId: this.#streamId,
              frameworkId: { value: this.#frameworkId ?? '' },
            }
          : undefined,
      broken: (why) => this.#disconnect(why),
    });
  }

  /** The framework's id, from its description or from the first subscription. */
  get frameworkId(): string | undefined {
    return this.#frameworkId;
  }

  /** Whether calls can be made now. */
  get subscribed(): boolean {
    return this.#subscribed;
  }

  /** The master that this session talks to, or will try next. */
  get master(): string {
    return this.#leader.current();
  }

  /** Starts to subscribe. */
  start(): void {
    this.#connect();
  }

  /** Lets no more events in until `resume`: the master then feels the back-pressure. */
  pause(): void {
    this.#stream?.pause();
  }

  /** Lets events in again. */
  resume(): void {
    this.#stream?.resume();
  }

  /** Drops the stream and subscribes again, as if it had broken. */
  reconnect(why: Failure): void {
    this.#disconnect(why);
  }

  /** From now on the end of the stream is what was asked for, as after a teardown: it is not told, and not mended. */
  leave(): void {
    this.#leaving = true;
  }

  /** Ends the session after the calls under way; the framework stays known to the master for its failover timeout. */
  async close(): Promise<void> {
    if (this.#over) return;
    await this.calls.drain();
    this.#finish();
  }

  #connect(): void {
    if (this.#over) return;
    const client = this.#environment.dial(this.#leader.current());
    const id = this.#frameworkId;
    const stream = client.subscribe({
      subscribe: {
        frameworkInfo: { ...this.#options.frameworkInfo, id: id === undefined ? undefined : { value: id } },
        suppressedRoles: this.#options.suppressedRoles?.() ?? [],
        offerConstraints: this.#options.offerConstraints,
      },
    });
    this.#client = client;
    this.#stream = stream;
    this.#heardAt = this.#environment.clock.now();
    this.#watchHeartbeat();
    stream.on('data', (message: SubscribeResponse) => {
      if (stream === this.#stream) this.#receive(message);
    });
    stream.on('error', (error) => {
      if (stream === this.#stream) this.#streamFailed(failureOf(error));
    });
    stream.on('end', () => {
      if (stream === this.#stream) this.#disconnect(failure('notLeader', 'the master ended the stream'));
    });
  }

  #receive(message: SubscribeResponse): void {
    this.#heardAt = this.#environment.clock.now();
    if (message.streamId !== '') this.#streamId = message.streamId;
    for (const event of message.events) {
      if (event.subscribed !== undefined) this.#accepted(event.subscribed);
      if (event.error !== undefined) {
        this.#handlers.events(message.events);
        this.#end(failure('conflict', event.error.message ?? 'the master refused the framework'));
        return;
      }
    }
    this.#handlers.events(message.events);
  }

  #accepted(event: v1.Event_Subscribed): void {
    const again = this.#everSubscribed;
    this.#frameworkId = event.frameworkId?.value ?? this.#frameworkId ?? '';
    const seconds = event.heartbeatIntervalSeconds ?? 0;
    this.#heartbeatMs = seconds > 0 ? seconds * 1000 : heartbeatDefaultMs;
    this.#subscribed = true;
    this.#everSubscribed = true;
    this.#leader.succeeded();
    this.#watchHeartbeat();
    this.#handlers.subscribed({ frameworkId: this.#frameworkId, again });
  }

  /** Looks once per interval whether anything was heard: cheaper than a timer that is set anew with every message. */
  #watchHeartbeat(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#environment.timers.after(this.#heartbeatMs, () => {
      const silentMs = msBetween(this.#heardAt, this.#environment.clock.now());
      if (silentMs >= heartbeatsMissedMax * this.#heartbeatMs) {
        this.#disconnect(failure('notLeader', `the master was silent for ${Math.round(silentMs / 1000)} s`));
      } else {
        this.#watchHeartbeat();
      }
    });
  }

  #streamFailed(why: Failure): void {
    const final = why.kind === 'invalid' || why.kind === 'denied' || why.kind === 'alreadyExists';
    if (final) this.#end(why);
    else this.#disconnect(why);
  }

  #disconnect(why: Failure): void {
    if (this.#over || this.#stream === undefined) return;
    if (this.#leaving) {
      this.#finish();
      return;
    }
    this.#drop();
    const waitMs = this.#leader.failed(new FailureError(why));
    this.calls.disconnected(why);
    this.#handlers.disconnected(why, waitMs);
    this.#cancelTimer = this.#environment.timers.after(waitMs, () => this.#connect());
  }

  #end(why: Failure): void {
    if (this.#over) return;
    this.#finish(why);
    if (!this.#leaving) this.#handlers.ended(why);
  }

  #finish(why: Failure = failure('conflict', 'the session was closed')): void {
    this.#over = true;
    this.#drop();
    this.calls.end(why);
  }

  #drop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#subscribed = false;
    const [stream, client] = [this.#stream, this.#client];
    this.#stream = undefined;
    this.#client = undefined;
    // A cancelled stream still reports its end; nobody listens for it by then but an error without listener throws.
    stream?.removeAllListeners('data').on('error', () => undefined);
    stream?.cancel();
    client?.close();
  }
}
