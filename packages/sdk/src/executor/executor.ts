import { msOfNanoseconds } from '@meseta/model';
import { credentials, Metadata, type ClientReadableStream } from '@grpc/grpc-js';
import { callUnary, channelOptions, FailureError, failureOf } from '@meseta/kit';
import {
  ExecutorServiceClient,
  TaskStatus_Source,
  executor as v1,
  type ExecutorServiceSubscribeResponse,
  type TaskInfo,
  type TaskStatus,
} from '@meseta/protocol';
import { systemEnvironment, type Environment } from '../environment';
import { identityOf, type ExecutorIdentity, type ExecutorOptions } from './executor-options';
import { ExecutorTask } from './executor-task';

/** How long a kill may take that names no grace. Milliseconds. */
const graceDefaultMs = 3_000;
/** The first pause before the agent is tried again. Milliseconds. */
const backoffMinMs = 100;
/** The agent tells every 15 s that it is there: after four that were missed it is not. Milliseconds. */
const silenceMaxMs = 60_000;

/**
 * An executor: a program that an agent starts, and that runs tasks for its framework.
 *
 * It keeps what it told until that is acknowledged, and tells it again when the agent is back (E5, E13, E20). It ends when it is told to, or when
 * the agent is gone for too long.
 */
export class Executor {
  private readonly identity: ExecutorIdentity;
  private readonly environment: Environment;
  /** Shown with every call. */
  private readonly metadata = new Metadata();
  private readonly tasks = new Map<string, ExecutorTask>();
  /** Tasks of which nothing was acknowledged yet: the agent may have forgotten them. */
  private readonly unheard = new Map<string, TaskInfo>();
  /** Statuses that were not acknowledged, by their uuid in hex, in the order in which they were told. */
  private readonly unacknowledged = new Map<string, TaskStatus>();
  private client: ExecutorServiceClient | undefined;
  private stream: ClientReadableStream<ExecutorServiceSubscribeResponse> | undefined;
  private subscribed = false;
  private lostAtMs: number | undefined;
  private failures = 0;
  private sending: Promise<void> = Promise.resolve();
  private cancelTimer: () => void = () => undefined;
  private ended: ((error?: Error) => void) | undefined;
  private over = false;

  constructor(private readonly options: ExecutorOptions) {
    this.identity = identityOf(options);
    const { token } = this.identity;
    if (token !== undefined) this.metadata.set('authorization', `Bearer ${token}`);
    this.environment = options.environment ?? systemEnvironment;
  }

  /** Runs until the executor is to end. Resolves when all that it told is acknowledged, or nobody is left to do so; rejects with the agent's error if it takes us for another. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.ended = (error) => (error === undefined ? resolve() : reject(error));
      this.connect();
    });
  }

  /** Sends bytes to the scheduler, best effort. */
  send(data: Uint8Array): void {
    if (!this.subscribed) return;
    const { client, metadata } = this;
    this.enqueue(async () => {
      const messages = [{ data: Buffer.from(data) }];
      if (client !== undefined)
        await callUnary(client.message.bind(client), { ...this.names(), messages }, { metadata });
    });
  }

  private connect(): void {
    if (this.over) return;
    const { agent } = this.identity;
    const client = new ExecutorServiceClient(agent, credentials.createInsecure(), {
      ...channelOptions(),
      'grpc.use_local_subchannel_pool': 1,
    });
    const subscribe = {
      unacknowledgedTasks: [...this.unheard.values()],
      unacknowledgedUpdates: [...this.unacknowledged.values()].map((status) => ({ status })),
    };
    const stream = client.subscribe({ ...this.names(), subscribe }, this.metadata);
    this.client = client;
    this.stream = stream;
    this.listen(stream);
    stream.on('data', ({ events }: ExecutorServiceSubscribeResponse) => {
      if (stream !== this.stream) return;
      this.listen(stream);
      for (const event of events) this.take(event);
    });
    stream.on('error', (error) => this.disconnected(stream, error));
    stream.on('end', () => this.disconnected(stream, new Error('the agent closed the stream')));
  }

  private listen(stream: ClientReadableStream<ExecutorServiceSubscribeResponse>): void {
    this.cancelTimer();
    this.cancelTimer = this.environment.timers.after(silenceMaxMs, () => {
      stream.cancel();
      this.disconnected(stream, new Error('the agent is silent'));
    });
  }

  /** The agent is gone: it is looked for until the recovery timeout is over, if the framework checkpoints; an agent that knows nothing of us is the end. */
  private disconnected(stream: ClientReadableStream<ExecutorServiceSubscribeResponse>, error: unknown): void {
    if (stream !== this.stream || this.over) return;
    this.cancelTimer();
    this.stream = undefined;
    this.client?.close();
    this.subscribed = false;
    const nowMs = this.environment.clock.now();
    this.lostAtMs ??= nowMs;
    const answer = failureOf(error);
    if (answer.kind === 'denied') {
      this.finish(new FailureError(answer));
      return;
    }
    const unknown = answer.kind === 'notFound';
    const late = nowMs - this.lostAtMs > this.identity.recoveryTimeoutMs;
    if (!this.identity.checkpoint || unknown || late) {
      this.finish();
      return;
    }
    const waitMs = Math.min(this.identity.backoffMaxMs, backoffMinMs * 2 ** this.failures++);
    this.cancelTimer = this.environment.timers.after(waitMs * (0.5 + this.environment.random() / 2), () =>
      this.connect(),
    );
  }

  private take(event: v1.Event): void {
    switch (event.type) {
      case v1.Event_Type.SUBSCRIBED:
        this.subscribed = true;
        this.lostAtMs = undefined;
        this.failures = 0;
        return;
      case v1.Event_Type.LAUNCH:
        if (event.launch?.task !== undefined) this.launch(event.launch.task);
        return;
      case v1.Event_Type.LAUNCH_GROUP:
        for (const task of event.launchGroup?.taskGroup?.tasks ?? []) this.launch(task);
        return;
      case v1.Event_Type.KILL: {
        const { taskId, killPolicy } = event.kill ?? {};
        const nanoseconds = killPolicy?.gracePeriod?.nanoseconds;
        this.kill(
          taskId?.value ?? '',
          nanoseconds === undefined ? graceDefaultMs : msOfNanoseconds(nanoseconds),
        );
        return;
      }
      case v1.Event_Type.ACKNOWLEDGED: {
        const { taskId, uuid } = event.acknowledged ?? {};
        this.unheard.delete(taskId?.value ?? '');
        this.unacknowledged.delete(uuid?.toString('hex') ?? '');
        return;
      }
      case v1.Event_Type.MESSAGE:
        this.options.message?.(event.message?.data ?? Buffer.alloc(0));
        return;
      case v1.Event_Type.SHUTDOWN:
      case v1.Event_Type.ERROR:
        void this.shutdown();
        return;
      default:
        return;
    }
  }

  private launch(info: TaskInfo): void {
    const task = new ExecutorTask(info, (status) => this.tell(status));
    this.tasks.set(task.id, task);
    this.unheard.set(task.id, info);
    this.attempt(task, () => this.options.launch(task));
  }

  private kill(taskId: string, graceMs: number): void {
    const task = this.tasks.get(taskId);
    if (task === undefined || task.isOver) return;
    const { kill } = this.options;
    if (kill === undefined) task.killed();
    else this.attempt(task, () => kill(task, graceMs));
  }

  /** What a handler throws is the task's failure, with its first line as the message. */
  private attempt(task: ExecutorTask, handler: () => Promise<void> | void): void {
    const failed = (error: unknown): void =>
      task.failed({ message: (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '' });
    try {
      Promise.resolve(handler()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  private async shutdown(): Promise<void> {
    if (this.over) return;
    await this.options.shutdown?.();
    for (const task of this.tasks.values()) task.killed({ message: 'The executor was shut down' });
    await this.sending;
    this.finish();
  }

  private tell(status: TaskStatus): void {
    if (status.state !== undefined && this.tasks.get(status.taskId?.value ?? '')?.isOver === true)
      this.tasks.delete(status.taskId?.value ?? '');
    const uuid = Buffer.from(this.environment.newId().replaceAll('-', ''), 'hex');
    const told: TaskStatus = {
      ...status,
      uuid,
      source: TaskStatus_Source.EXECUTOR,
      executorId: { value: this.identity.executorId },
      timestamp: this.environment.clock.now() / 1000,
    };
    this.unacknowledged.set(uuid.toString('hex'), told);
    const { client, metadata } = this;
    // Without an agent it is told with the next subscription.
    if (!this.subscribed || client === undefined) return;
    this.enqueue(async () => {
      await callUnary(
        client.update.bind(client),
        { ...this.names(), updates: [{ status: told }] },
        { metadata },
      );
    });
  }

  /** One call after the other: statuses keep their order. A call that fails is made good by the next subscription. */
  private enqueue(call: () => Promise<void>): void {
    this.sending = this.sending.then(call).catch(() => undefined);
  }

  private names() {
    const { frameworkId, executorId } = this.identity;
    return { frameworkId: { value: frameworkId }, executorId: { value: executorId } };
  }

  private finish(error?: Error): void {
    if (this.over) return;
    this.over = true;
    this.cancelTimer();
    this.stream?.cancel();
    this.client?.close();
    this.ended?.(error);
  }
}

/** Runs a program as an executor until it is to end; `process.exit` afterwards is up to the program. */
export function runExecutor(options: ExecutorOptions): Promise<void> {
  return new Executor(options).run();
}
