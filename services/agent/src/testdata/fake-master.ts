import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { randomBytes } from 'node:crypto';
import { failure, Resources, isFailure, type ResourceOperation } from '@meseta/model';
import { toServiceError } from '@meseta/kit';
import {
  internal,
  ExecutorInfo_Type,
  resourceOperationToProto,
  resourcesToProto,
  FrameworkInfo_Capability_Type,
  type CommandInfo,
  type ExecutorInfo,
  type FrameworkInfo,
  type TaskInfo,
  type TaskStatus,
} from '@meseta/protocol';

type Stream = ServerDuplexStream<internal.ConnectRequest, internal.ConnectResponse>;
type Message = NonNullable<internal.AgentMessage['message']>;

/** A master of one agent that does what a test tells it to. */
export class FakeMaster {
  readonly registers: internal.Register[] = [];
  readonly updates: internal.StatusUpdate[] = [];
  readonly pongs: bigint[] = [];
  readonly operationUpdates: internal.OperationUpdate[] = [];
  readonly executorMessages: string[] = [];
  readonly executorsEnded: internal.ExecutorEnded[] = [];
  readonly resourcesChanged: internal.ResourcesChanged[] = [];
  term = 5n;
  /** Acknowledges every update at once. */
  acknowledges = true;
  registersAgents = true;
  cluster = 'meseta';
  refusal: string | undefined;
  silenceMaxMs = 60_000n;
  /** The trace that launches are part of. */
  traceparent = '';
  unregistered: string | undefined;
  private stream: Stream | undefined;
  private waiting: (() => void)[] = [];

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  static async start(): Promise<FakeMaster> {
    const server = new Server();
    const served: { by?: FakeMaster } = {};
    server.addService(internal.AgentGatewayService, {
      connect: (stream: Stream) => served.by?.serve(stream),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    served.by = new FakeMaster(server, `127.0.0.1:${port}`);
    return served.by;
  }

  say(...messages: NonNullable<internal.MasterMessage['message']>[]): void {
    this.stream?.write({ term: this.term, messages: messages.map((message) => ({ message })) });
  }

  launch(
    id: string,
    command: string | CommandInfo,
    more: Partial<TaskInfo> = {},
    framework: Partial<FrameworkInfo> = {},
  ): void {
    this.say({
      $case: 'launchTask',
      value: {
        frameworkInfo: frameworkInfo(framework),
        task: taskInfo(id, command, more),
        traceparent: this.traceparent,
      },
    });
  }

  /** Launches tasks with a default executor, or with one of the framework's own. */
  launchGroup(
    executorId: string,
    tasks: readonly TaskInfo[],
    executor: Partial<ExecutorInfo> = {},
    framework: Partial<FrameworkInfo> = {},
  ): void {
    this.say({
      $case: 'launchGroup',
      value: {
        frameworkInfo: frameworkInfo(framework),
        executor: executorInfo(executorId, executor),
        taskGroup: { tasks: [...tasks] },
        traceparents: [],
      },
    });
  }

  /** Changes the agent's resources. @returns the operation's uuid as hex */
  apply(operation: ResourceOperation, acknowledged = true): string {
    const uuid = randomBytes(16);
    this.say({
      $case: 'applyOperation',
      value: {
        frameworkId: { value: 'framework' },
        operation: resourceOperationToProto(operation),
        operationUuid: { value: uuid },
        acknowledged,
      },
    });
    return uuid.toString('hex');
  }

  /** Resolves with what became of an operation. */
  async untilOperation(uuid: string): Promise<internal.OperationUpdate> {
    const find = () =>
      this.operationUpdates.find(({ operationUuid }) => operationUuid?.value?.toString('hex') === uuid);
    await this.until(`operation ${uuid}`, () => find() !== undefined);
    return find() as internal.OperationUpdate;
  }

  kill(id: string, graceMs?: number): void {
    const killPolicy =
      graceMs === undefined
        ? {}
        : { killPolicy: { gracePeriod: { nanoseconds: BigInt(graceMs) * 1_000_000n } } };
    this.say({ $case: 'killTask', value: { ...names(id), ...killPolicy } });
  }

  acknowledge(id: string, uuid: Buffer): void {
    this.say({ $case: 'acknowledgeUpdate', value: { ...names(id), uuid } });
  }

  /** The states that were told of a task, in order, repeats of one update left out. */
  states(id: string): (string | undefined)[] {
    return this.statuses(id).map(({ state }) => state);
  }

  statuses(id: string): TaskStatus[] {
    const seen = new Set<string>();
    return this.updates.flatMap(({ status }) => {
      const uuid = status?.uuid?.toString('hex') ?? '';
      if (status?.taskId?.value !== id || seen.has(uuid)) return [];
      seen.add(uuid);
      return [status];
    });
  }

  /** Resolves when something is so; looks whenever a message has arrived. */
  async until(what: string, isSo: () => boolean, timeoutMs = 10_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!isSo()) {
      const waitMs = deadline - Date.now();
      if (waitMs <= 0)
        throw new Error(
          `not so in time: ${what}; told: ${this.updates.map(({ status }) => `${status?.taskId?.value} ${status?.state} ${status?.message}`).join(', ')}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(waitMs, 200));
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  untilState(id: string, state: string): Promise<void> {
    return this.until(`${id} ${state}`, () => this.states(id).includes(state));
  }

  /** Cuts the agent off. */
  hangUp(): void {
    this.stream?.end();
    this.stream = undefined;
  }

  close(): void {
    this.server.forceShutdown();
  }

  private serve(stream: Stream): void {
    if (this.refusal !== undefined) {
      stream.emit('error', toServiceError(failure('conflict', this.refusal)));
      return;
    }
    this.stream = stream;
    stream.on('data', ({ messages }: internal.ConnectRequest) => {
      for (const { message } of messages) if (message !== undefined) this.take(message);
      for (const wake of this.waiting.splice(0)) wake();
    });
    stream.on('error', () => undefined);
    stream.on('end', () => stream.end());
  }

  private take(message: Message): void {
    switch (message.$case) {
      case 'register':
        this.registers.push(message.value);
        if (this.registersAgents) {
          const { cluster, silenceMaxMs } = this;
          this.say({
            $case: 'registered',
            value: {
              agentId: { value: message.value.agentInfo?.id?.value ?? 'agent-1' },
              cluster,
              silenceMaxMs,
            },
          });
        }
        return;
      case 'pong':
        this.pongs.push(message.value.sequence);
        return;
      case 'statusUpdate': {
        this.updates.push(message.value);
        const { status } = message.value;
        if (this.acknowledges && status?.uuid !== undefined)
          this.acknowledge(status.taskId?.value ?? '', status.uuid);
        return;
      }
      case 'operationUpdate': {
        this.operationUpdates.push(message.value);
        const { operationUuid, status } = message.value;
        if (this.acknowledges && status?.uuid !== undefined)
          this.say({ $case: 'acknowledgeOperation', value: { operationUuid, statusUuid: status.uuid } });
        return;
      }
      case 'executorMessage':
        this.executorMessages.push(message.value.data.toString());
        return;
      case 'executorEnded':
        this.executorsEnded.push(message.value);
        return;
      case 'resourcesChanged':
        this.resourcesChanged.push(message.value);
        return;
      case 'unregister':
        this.unregistered = message.value.reason;
        return;
    }
  }
}

function names(id: string) {
  return { frameworkId: { value: 'framework' }, taskId: { value: id } };
}

export function frameworkInfo(more: Partial<FrameworkInfo> = {}): FrameworkInfo {
  return {
    id: { value: 'framework' },
    name: 'test',
    checkpoint: true,
    roles: ['web'],
    offerFilters: {},
    capabilities: [
      { type: FrameworkInfo_Capability_Type.PARTITION_AWARE },
      { type: FrameworkInfo_Capability_Type.TASK_KILLING_STATE },
    ],
    ...more,
  };
}

export function executorInfo(id: string, more: Partial<ExecutorInfo> = {}): ExecutorInfo {
  const resources = Resources.parse('cpus:0.1;mem:32');
  if (isFailure(resources)) throw new Error(resources.message);
  return {
    type: ExecutorInfo_Type.DEFAULT,
    executorId: { value: id },
    frameworkId: { value: 'framework' },
    resources: resourcesToProto(resources.allocate('web')),
    ...more,
  };
}

export function taskInfo(id: string, command: string | CommandInfo, more: Partial<TaskInfo> = {}): TaskInfo {
  const resources = Resources.parse('cpus:0.1;mem:64');
  if (isFailure(resources)) throw new Error(resources.message);
  return {
    name: id,
    taskId: { value: id },
    resources: resourcesToProto(resources.allocate('web')),
    command: typeof command === 'string' ? { uris: [], arguments: [], value: command } : command,
    limits: {},
    ...more,
  };
}
