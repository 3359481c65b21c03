import { randomUUID } from 'node:crypto';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { BatchWriter, toServiceError, type BatchObserver, type Logger } from '@meseta/kit';
import { failure } from '@meseta/model';
import type { SubscribeRequest, SubscribeResponse, scheduler } from '@meseta/protocol';
import type { StreamId } from '../state/state';

/** Events that may wait for a framework that does not read. At the bound its stream is ended: it reconciles when it is back. */
export const eventsQueuedMax = 50_000;
const eventsPerMessageMax = 1000;

type Call = ServerWritableStream<SubscribeRequest, SubscribeResponse>;

interface OpenStream {
  readonly call: Call;
  readonly writer: BatchWriter<scheduler.Event, SubscribeResponse>;
}

/** The event streams of subscribed frameworks. */
export class FrameworkStreams {
  readonly #streams = new Map<StreamId, OpenStream>();

  constructor(
    private readonly log: Logger,
    private readonly observer: BatchObserver,
  ) {}

  open(call: Call): StreamId {
    const id = randomUUID();
    let first = true;
    const writer = new BatchWriter<scheduler.Event, SubscribeResponse>({
      write: (message) => call.write(message),
      onDrain: (fn) => void call.once('drain', fn),
      toMessage: (events) => {
        const streamId = first ? id : '';
        first = false;
        return { streamId, events };
      },
      itemsPerMessageMax: eventsPerMessageMax,
      itemsQueuedMax: eventsQueuedMax,
      observer: this.observer,
      onOverflow: () => {
        this.log.warn(
          { streamId: id, eventsQueuedMax },
          'a framework does not read its events: its stream is ended',
        );
        this.#fail(id, 'overloaded', `more than ${eventsQueuedMax} events wait to be read`);
      },
    });
    this.#streams.set(id, { call, writer });
    return id;
  }

  send(id: StreamId, event: scheduler.Event): void {
    this.#streams.get(id)?.writer.push(event);
  }

  /** Ends a stream after what was sent on it. */
  end(id: StreamId): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    stream.writer.close();
    stream.call.end();
  }

  /** Forgets a stream that its framework ended. */
  forget(id: StreamId): void {
    this.#streams.delete(id);
  }

  /** Ends all streams: this master leads no more. */
  endAll(leader: string | undefined): void {
    for (const id of [...this.#streams.keys()])
      this.#fail(id, 'notLeader', 'this master leads no more', leader);
  }

  /** How many events wait for the framework for which most wait. */
  get queuedMost(): number {
    let most = 0;
    for (const { writer } of this.#streams.values()) most = Math.max(most, writer.queued);
    return most;
  }

  #fail(id: StreamId, kind: 'overloaded' | 'notLeader', message: string, leader?: string): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    stream.call.emit(
      'error',
      toServiceError(failure(kind, message, leader === undefined ? undefined : { leader })),
    );
  }
}
