import type { ServerWritableStream } from '@grpc/grpc-js';
import { BatchWriter, toServiceError, type BatchObserver, type Logger, type Timers } from '@meseta/kit';
import { failure, nanosecondsOf } from '@meseta/model';
import {
  executor as v1,
  type AgentInfo,
  type ExecutorInfo,
  type ExecutorServiceSubscribeRequest,
  type ExecutorServiceSubscribeResponse,
  type FrameworkInfo,
} from '@meseta/protocol';
import type { ExecutorEvent } from '../state/effect';

/** Events that may wait for an executor that does not read. At the bound its stream is ended: it subscribes again. */
export const executorEventsQueuedMax = 10_000;
const eventsPerMessageMax = 1_000;
/** How often an executor is told that the agent is there (E15). */
const heartbeatMs = 15_000;

export type ExecutorCall = ServerWritableStream<
  ExecutorServiceSubscribeRequest,
  ExecutorServiceSubscribeResponse
>;

/** What an executor is told of itself when it subscribes (E10). */
export interface Introduction {
  readonly executorInfo: ExecutorInfo;
  readonly frameworkInfo: FrameworkInfo | undefined;
  readonly agentInfo: AgentInfo;
  readonly containerId: string;
}

interface OpenStream {
  readonly call: ExecutorCall;
  readonly writer: BatchWriter<v1.Event, ExecutorServiceSubscribeResponse>;
  cancelHeartbeat: () => void;
}

/** The streams over which custom executors listen. */
export class ExecutorStreams {
  private readonly streams = new Map<number, OpenStream>();
  private last = 0;

  constructor(
    private readonly log: Logger,
    private readonly timers: Timers,
    private readonly observer: BatchObserver,
  ) {}

  /** Takes a stream in. @returns its number, which no other has */
  open(call: ExecutorCall): number {
    const connection = ++this.last;
    const writer = new BatchWriter<v1.Event, ExecutorServiceSubscribeResponse>({
      write: (message) => call.write(message),
      onDrain: (fn) => void call.once('drain', fn),
      toMessage: (events) => ({ events }),
      itemsPerMessageMax: eventsPerMessageMax,
      itemsQueuedMax: executorEventsQueuedMax,
      observer: this.observer,
      onOverflow: () => {
        this.log.warn(
          { executorEventsQueuedMax },
          'an executor does not read its events: its stream is ended',
        );
        this.close(connection, `more than ${executorEventsQueuedMax} events wait to be read`, 'overloaded');
      },
    });
    this.streams.set(connection, { call, writer, cancelHeartbeat: () => undefined });
    this.beat(connection);
    return connection;
  }

  send(connection: number, event: ExecutorEvent, introduction: Introduction | undefined): void {
    const sent = eventToProto(event, introduction);
    if (sent !== undefined) this.streams.get(connection)?.writer.push(sent);
  }

  /** Ends a stream, after what was sent on it. */
  close(connection: number, message: string, kind: 'notFound' | 'overloaded' = 'notFound'): void {
    const stream = this.forget(connection);
    if (stream === undefined) return;
    stream.writer.close();
    stream.call.emit('error', toServiceError(failure(kind, message)));
  }

  /** Forgets a stream that its executor ended. */
  forget(connection: number): OpenStream | undefined {
    const stream = this.streams.get(connection);
    stream?.cancelHeartbeat();
    this.streams.delete(connection);
    return stream;
  }

  /** The agent ends: its executors find it again when it is back. */
  closeAll(): void {
    for (const connection of [...this.streams.keys()]) this.forget(connection)?.call.end();
  }

  /** How many events wait for the executor for which most wait. */
  get queuedMost(): number {
    let most = 0;
    for (const { writer } of this.streams.values()) most = Math.max(most, writer.queued);
    return most;
  }

  private beat(connection: number): void {
    const stream = this.streams.get(connection);
    if (stream === undefined) return;
    stream.cancelHeartbeat = this.timers.after(heartbeatMs, () => {
      stream.writer.push({ type: v1.Event_Type.HEARTBEAT });
      this.beat(connection);
    });
  }
}

function eventToProto(event: ExecutorEvent, introduction: Introduction | undefined): v1.Event | undefined {
  switch (event.kind) {
    case 'subscribed': {
      if (introduction === undefined) return undefined;
      const { containerId, ...rest } = introduction;
      return {
        type: v1.Event_Type.SUBSCRIBED,
        subscribed: { ...rest, containerId: { value: containerId } },
      };
    }
    case 'launch':
      return { type: v1.Event_Type.LAUNCH, launch: { task: event.task } };
    case 'launchGroup':
      return {
        type: v1.Event_Type.LAUNCH_GROUP,
        launchGroup: { taskGroup: { tasks: [...event.tasks] } },
      };
    case 'kill': {
      const nanoseconds = nanosecondsOf(event.graceMs);
      return {
        type: v1.Event_Type.KILL,
        kill: { taskId: { value: event.taskId }, killPolicy: { gracePeriod: { nanoseconds } } },
      };
    }
    case 'acknowledged':
      return {
        type: v1.Event_Type.ACKNOWLEDGED,
        acknowledged: { taskId: { value: event.taskId }, uuid: Buffer.from(event.uuid, 'hex') },
      };
    case 'message':
      return { type: v1.Event_Type.MESSAGE, message: { data: Buffer.from(event.data) } };
    case 'shutdown':
      return { type: v1.Event_Type.SHUTDOWN };
  }
}
