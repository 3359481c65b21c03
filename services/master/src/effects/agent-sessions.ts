import { randomUUID } from 'node:crypto';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { BatchWriter, toServiceError, type BatchObserver, type Logger } from '@meseta/kit';
import { failure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { SessionId } from '../state/state';

/** Orders that may wait for an agent that does not read. At the bound its session is ended: it registers again. */
export const ordersQueuedMax = 50_000;
const ordersPerMessageMax = 1000;

type Call = ServerDuplexStream<internal.ConnectRequest, internal.ConnectResponse>;

interface OpenSession {
  readonly call: Call;
  readonly writer: BatchWriter<internal.MasterMessage, internal.ConnectResponse>;
}

/** The streams to connected agents. */
export class AgentSessions {
  readonly #sessions = new Map<SessionId, OpenSession>();

  constructor(
    private readonly log: Logger,
    private readonly observer: BatchObserver,
  ) {}

  open(call: Call, term: number): SessionId {
    const id = randomUUID();
    const writer = new BatchWriter<internal.MasterMessage, internal.ConnectResponse>({
      write: (message) => call.write(message),
      onDrain: (fn) => void call.once('drain', fn),
      toMessage: (messages) => ({ term: BigInt(term), messages }),
      itemsPerMessageMax: ordersPerMessageMax,
      itemsQueuedMax: ordersQueuedMax,
      observer: this.observer,
      onOverflow: () => {
        this.log.warn(
          { sessionId: id, ordersQueuedMax },
          'an agent does not read its orders: its session is ended',
        );
        this.end(id);
      },
    });
    this.#sessions.set(id, { call, writer });
    return id;
  }

  send(id: SessionId, message: internal.MasterMessage): void {
    this.#sessions.get(id)?.writer.push(message);
  }

  /** Ends a session after what was sent in it; with a reason if the agent may try again later. */
  end(id: SessionId, why?: Failure): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    session.writer.close();
    if (why === undefined) session.call.end();
    else session.call.emit('error', toServiceError(why));
  }

  /** How many orders wait for the agent for which most wait. */
  get queuedMost(): number {
    let most = 0;
    for (const { writer } of this.#sessions.values()) most = Math.max(most, writer.queued);
    return most;
  }

  forget(id: SessionId): void {
    this.#sessions.delete(id);
  }

  endAll(leader: string | undefined): void {
    const error = failure(
      'notLeader',
      'this master leads no more',
      leader === undefined ? undefined : { leader },
    );
    for (const { call } of this.#sessions.values()) call.emit('error', toServiceError(error));
    this.#sessions.clear();
  }
}
