import { credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import {
  BatchWriter,
  channelOptions,
  failureOf,
  LeaderFinder,
  type BatchObserver,
  type Logger,
  type Timers,
} from '@meseta/kit';
import { internal } from '@meseta/protocol';

type Stream = ClientDuplexStream<internal.ConnectRequest, internal.ConnectResponse>;

/** Messages to the master that wait to be written. At the bound the stream is given up: the master does not read. */
export const messagesQueuedMax = 100_000;
const messagesPerWriteMax = 1_000;
/** How long a master may take to answer before it has said how long it may be silent. */
const answerMaxMs = 10_000;

/** What a session needs of the agent around it. */
export interface SessionOptions {
  readonly masters: readonly string[];
  readonly random: () => number;
  /** The pause before a master is tried again: up to the first at the beginning, doubled with each round, up to the second at most. Milliseconds. */
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
  readonly timers: Timers;
  readonly log: Logger;
  /** Counts what is written. */
  readonly observer?: BatchObserver;
  /** The highest term obeyed, for the head of every message. */
  readonly term: () => number;
  /** A stream is open: the first message may be sent. Streams are numbered. */
  readonly onOpened: (sessionId: number) => void;
  /** The master spoke. */
  readonly onMessages: (sessionId: number, term: number, messages: readonly internal.MasterMessage[]) => void;
  readonly onClosed: (sessionId: number) => void;
  /** The master will not have this agent, now or ever. */
  readonly onRefused: (reason: string) => void;
  /** Whether reading should pause; `resume` is to be called when it need not any more. */
  readonly isFull: (resume: () => void) => boolean;
}

/**
 * The one stream between the agent and the leading master.
 *
 * Finds the leader, opens a stream, and does both again whenever the stream ends or the master is silent for longer than it said it would be. What is said over it
 * is not its business.
 */
export class MasterSession {
  private readonly finder: LeaderFinder;
  private id = 0;
  private stream: Stream | undefined;
  private client: internal.AgentGatewayClient | undefined;
  private writer: BatchWriter<internal.AgentMessage, internal.ConnectRequest> | undefined;
  /** Whether the first message, which says who the agent is, has been sent over the current stream. */
  private introduced = false;
  private silenceMaxMs = answerMaxMs;
  private cancelSilence: () => void = () => undefined;
  private cancelRetry: () => void = () => undefined;
  private closed = false;
  /** The last line that was logged about not reaching a master: the same is not logged over and over. */
  private lastTrouble = '';

  constructor(private readonly options: SessionOptions) {
    this.finder = new LeaderFinder({
      addresses: options.masters,
      random: options.random,
      backoffMinMs: options.backoff.minMs,
      backoffMaxMs: options.backoff.maxMs,
    });
  }

  /** Begins to look for the leader. */
  open(): void {
    const { log, onOpened, onMessages, isFull } = this.options;
    const id = ++this.id;
    const address = this.finder.current();
    const client = new internal.AgentGatewayClient(address, credentials.createInsecure(), channelOptions());
    const stream = client.connect();
    this.client = client;
    this.stream = stream;
    this.introduced = false;
    this.silenceMaxMs = answerMaxMs;
    this.writer = new BatchWriter<internal.AgentMessage, internal.ConnectRequest>({
      write: (message) => stream.write(message),
      onDrain: (fn) => stream.once('drain', fn),
      toMessage: (messages) => ({ term: BigInt(this.options.term()), messages }),
      itemsPerMessageMax: messagesPerWriteMax,
      itemsQueuedMax: messagesQueuedMax,
      ...(this.options.observer !== undefined && { observer: this.options.observer }),
      onOverflow: () => this.fail(id, new Error('the master does not read')),
    });
    stream.on('data', ({ term, messages }: internal.ConnectResponse) => {
      if (id !== this.id) return;
      this.listen(id);
      if (isFull(() => stream.resume())) stream.pause();
      onMessages(id, Number(term), messages);
    });
    stream.on('error', (error) => this.fail(id, error));
    stream.on('end', () => this.fail(id, new Error('the master closed the stream')));
    this.listen(id);
    log.debug({ master: address }, 'dialling a master');
    onOpened(id);
  }

  /** Sends the first message of a stream, unless that stream has ended by now. */
  introduce(id: number, message: () => internal.AgentMessage): void {
    if (id !== this.id || this.introduced) return;
    this.introduced = true;
    this.writer?.push(message());
  }

  /**
   * Sends something over the current stream. Without one, or before the agent is introduced over it, it goes nowhere: the registration tells
   * all.
   */
  send(message: internal.AgentMessage): void {
    if (this.introduced) this.writer?.push(message);
  }

  /** How many messages wait to be written. */
  get queued(): number {
    return this.writer?.queued ?? 0;
  }

  /** The master took the agent in. */
  accepted(id: number, silenceMaxMs: number): void {
    if (id !== this.id) return;
    this.options.log.info({ master: this.finder.current() }, 'registered');
    this.finder.succeeded();
    this.lastTrouble = '';
    if (silenceMaxMs > 0) this.silenceMaxMs = silenceMaxMs;
    this.listen(this.id);
  }

  /** Gives a stream up, if it is still the current one, and looks for the leader again. */
  reopen(id: number, reason: string): void {
    this.fail(id, new Error(reason));
  }

  /** Says what is left to say, and ends. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.cancelRetry();
    this.cancelSilence();
    this.writer?.close();
    this.stream?.end();
    this.client?.close();
  }

  /** From now on the master may be silent for as long as it said. */
  private listen(id: number): void {
    this.cancelSilence();
    this.cancelSilence = this.options.timers.after(this.silenceMaxMs, () => {
      this.fail(id, new Error(`the master was silent for ${this.silenceMaxMs} ms`));
    });
  }

  private fail(id: number, error: unknown): void {
    if (id !== this.id || this.closed) return;
    // The number of a stream that has ended is never the current one again.
    this.id++;
    this.cancelSilence();
    this.stream?.cancel();
    this.client?.close();
    this.stream = undefined;
    this.writer = undefined;
    this.options.onClosed(id);
    const failure = failureOf(error);
    if (failure.kind === 'conflict') {
      this.options.onRefused(failure.message);
      return;
    }
    const master = this.finder.current();
    const waitMs = this.finder.failed(error);
    if (failure.message !== this.lastTrouble)
      this.options.log.warn({ master, waitMs }, `no master: ${failure.message}`);
    this.lastTrouble = failure.message;
    this.cancelRetry = this.options.timers.after(waitMs, () => this.open());
  }
}
