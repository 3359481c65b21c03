import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { failure, isFailure } from '@meseta/model';
import type { ContainerInfo } from '@meseta/protocol';
import {
  FailureError,
  parseAddress,
  startGrpcServer,
  startGrpcSocketServer,
  startHttpServer,
  systemClock,
  systemTimers,
  version,
  type Clock,
  type GrpcServer,
  type GrpcService,
  type HttpServer,
  type Logger,
  type Timers,
  type Tracing,
} from '@meseta/kit';
import { Checkpoint, type SkipListener } from './checkpoint/checkpoint';
import { agentIpOf, type AgentConfig } from './config';
import { describe } from './description';
import { Containers, startsQueuedMax } from './effects/containers';
import { taskSpec } from './effects/container-spec';
import {
  defaultContainerRefusal,
  parseDefaultContainer,
  withDefaultContainer,
} from './effects/default-container';
import { parseVariables } from './effects/environment-variables';
import { executorSocketOf } from './effects/executor-socket';
import { executorEventsQueuedMax, ExecutorStreams } from './effects/executor-streams';
import { Probes } from './effects/probes';
import { ensureVolumes } from './effects/volumes';
import { createWorld } from './effects/world';
import { FetchCache } from './fetcher/cache';
import { Fetcher } from './fetcher/fetcher';
import { agentGrpcService } from './handlers/agent-service';
import type { AgentView } from './handlers/agent-view';
import { executorGrpcService } from './handlers/executor-service';
import { History, historyBounds } from './handlers/history';
import { containerRoutes } from './handlers/http-containers';
import { fileRoutes } from './handlers/http-files';
import { ordersOf } from './handlers/orders';
import { commandsQueuedMax, Loop } from './loop';
import { createAgentMetrics, type AgentMetrics } from './metrics';
import { gpuPathsDefault, type GpuPaths } from './gpu/gpu';
import { offeredGpus } from './gpu/offered';
import { createController, createEstimator } from './oversubscription/modules';
import { Oversubscriber } from './oversubscription/oversubscriber';
import { agentNameOf, createRuntimes } from './runtime/create';
import { agentRunDirectory, leaveRunDirectory } from './runtime/run-directory';
import type { ContainerRuntime, ContainerSpec } from './runtime/container-runtime';
import type { FakeMachine } from './runtime/fake';
import { Housekeeper } from './sandbox/housekeeper';
import { DiskUses } from './sandbox/disk-uses';
import { sandboxOfExecutor, sandboxOfTask } from './sandbox/sandbox-of';
import { ExecutorTokens } from './secrets/executor-tokens';
import { secretResolver } from './secrets/resolver';
import { SecretFiles } from './secrets/secret-files';
import { PortWatcher } from './network/port-watcher';
import type { Command } from './state/command';
import { volumesOf } from './state/operations';
import { messagesQueuedMax, MasterSession } from './session';
import { recoverContainers, type Sandboxes } from './checkpoint/recover';
import type { ReconfigurationPolicy } from './state/reconfiguration';
import type { AgentState, TaskRecord } from './state/state';

/** What an agent is made of. Nothing is global, so one process may have several. */
export interface AgentDependencies {
  readonly config: AgentConfig;
  readonly log: Logger;
  readonly tracing: Tracing;
  readonly metrics?: AgentMetrics;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly random?: () => number;
  /** Where pretended containers live, if they are to outlive this agent. */
  readonly fakeMachine?: FakeMachine;
  /** Where the driver shows its gpus; the machine's own places if unset. */
  readonly gpuPaths?: GpuPaths;
  /** The agent cannot go on: the message is the one line that says why. It has to be closed still. */
  readonly onFatal: (error: FailureError) => void;
}

/** An agent that runs. */
export interface AgentServer {
  /** The bound addresses, as host:port. */
  readonly grpc: string;
  readonly http: string;
  readonly metrics: AgentMetrics;
  /** The id that the master gave, once it has. */
  agentId(): string | undefined;
  isRegistered(): boolean;
  /** Resolves when everything that has arrived is worked off. */
  settle(): Promise<void>;
  /** Leaves the cluster for good: tells the master, ends all tasks, and forgets who it was. The agent has to be closed still. */
  unregister(reason: string): Promise<void>;
  /** Ends the agent. Its tasks run on, but for those of frameworks that do not checkpoint. */
  close(): Promise<void>;
}

/**
 * Starts an agent: takes the work directory, finds the tasks of its former life, listens, and looks for the master.
 *
 * Rejects with a FailureError of one line when it cannot; then nothing is left behind.
 */
export async function createAgentServer(dependencies: AgentDependencies): Promise<AgentServer> {
  const opened: (() => Promise<void>)[] = [];
  try {
    return await assemble(dependencies, opened);
  } catch (error) {
    for (const close of opened.reverse()) await close();
    throw error;
  }
}

async function assemble(
  dependencies: AgentDependencies,
  opened: (() => Promise<void>)[],
): Promise<AgentServer> {
  const { config, log, tracing, onFatal } = dependencies;
  const clock = dependencies.clock ?? systemClock;
  const timers = dependencies.timers ?? systemTimers;
  const metrics = dependencies.metrics ?? createAgentMetrics();

  const timing = {
    registrationMs: config.executorRegistrationTimeout,
    reregistrationMs: config.executorReregistrationTimeout,
    shutdownGraceMs: config.executorShutdownGracePeriod,
  };
  const skip: SkipListener = (key, error) => {
    metrics.recoveryErrors.inc();
    log.error({ err: error, record: key }, 'a record of the checkpoint cannot be read, and is left out');
  };
  const checkpoint = await Checkpoint.open(
    config.workDir,
    config.cluster,
    timing,
    config.strict ? undefined : skip,
  );
  opened.push(() => checkpoint.close());
  const { state } = checkpoint;
  const gpus = await offeredGpus(config, dependencies.gpuPaths ?? gpuPathsDefault);

  // These know each other: the loop performs through the world, and what the world does comes back to the loop.
  const runtimes = await createRuntimes({
    config,
    log,
    timers,
    onNetworkCommand: (command, succeeded, seconds) => {
      metrics.networkCommands.inc({ command, outcome: succeeded ? 'ok' : 'failed' });
      metrics.networkSeconds.observe({ command }, seconds);
    },
    onEnd: (runtime, containerId, exit) => containers.ended(runtime, containerId, exit),
    ...(dependencies.fakeMachine !== undefined && { fakeMachine: dependencies.fakeMachine }),
    gpus: gpus.machine,
    imageObserver: {
      pulled: (outcome) => metrics.imagePulls.inc({ outcome }),
      imageDeleted: () => metrics.imagesDeleted.inc(),
    },
  });
  opened.push(() => closeAll(runtimes));
  const { info, resources, identity: own } = await describe(config, runtimes, gpus.offered.length);
  ensureVolumes(config.workDir, volumesOf(state.resources));
  const defaultContainer = defaultContainerOf(config, runtimes);
  let grpcAddress = '';
  const executorSocket = await executorSocketOf(config);
  const specContext = {
    state,
    workDir: config.workDir,
    switchUser: config.switchUser,
    limitCpu: config.limitCpu,
    revocableCpuLowPriority: config.revocableCpuLowPriority,
    processesMax: config.processesMax,
    agentIp: agentIpOf(config),
    grpcAddress: () => grpcAddress,
    executorSocket,
    resolveSecret: secretResolver(config.secretDirectory),
    variables: variablesOf(config),
    recoveryTimeoutMs: config.recoveryTimeout,
    executorTokens: await ExecutorTokens.open(join(config.workDir, 'meta', 'executor-key')),
  };
  const secretFiles = new SecretFiles(join(agentRunDirectory(agentNameOf(config.workDir)), 'secrets'));
  const cache = new FetchCache(join(config.workDir, 'meta', 'fetch'), config.fetcherCacheSize * 1024 * 1024);
  await cache.open();
  const fetcher = new Fetcher({
    workDir: config.workDir,
    cache,
    frameworksHome: config.frameworksHome,
    stallMs: config.fetcherStallTimeout,
    onFetched: (outcome) => metrics.fetches.inc({ outcome }),
  });
  const containers: Containers = new Containers({
    ...specContext,
    runtimes,
    fetcher,
    secretFiles,
    progressIntervalMs: config.launchProgressInterval,
    push: (command) => loop.push(command),
    timers,
    log,
    metrics,
    tracing,
  });
  for (const runtime of runtimes.keys()) {
    metrics.containers.set({ runtime }, 0);
    for (const outcome of ['started', 'failed']) metrics.launches.inc({ runtime, outcome }, 0);
  }
  const specOf = (task: TaskRecord): ContainerSpec | undefined =>
    state.agentId === undefined ? undefined : taskSpec(specContext, state.agentId, task);
  const probes = new Probes({
    state,
    runtimes,
    specOf,
    resolveSecret: specContext.resolveSecret,
    push: (command) => loop.push(command),
    timers,
  });
  const diskUses = new DiskUses(config.workDir);
  const housekeeper = new Housekeeper({
    state,
    workDir: config.workDir,
    delayMs: config.gcDelay,
    headroom: config.gcDiskHeadroom,
    membersToo: config.gcNonExecutorContainerSandboxes,
    intervalMs: config.diskWatchInterval,
    enforceDiskQuota: config.enforceDiskQuota,
    reportDiskUsage: config.reportDiskUsage,
    diskUses,
    logBytesMax: config.logSizeMax * 1024 * 1024,
    push: (command) => loop.push(command),
    onDeleted: (sandboxes) => metrics.sandboxesDeleted.inc(sandboxes),
    timers,
    log,
  });
  const portWatcher = watchPorts(config, state, runtimes, (command) => loop.push(command), timers, log);
  const oversubscriber = new Oversubscriber({
    state,
    estimator: createEstimator(config.resourceEstimator),
    controller: createController(config.qosController),
    intervalMs: config.oversubscribedResourcesInterval,
    push: (command) => loop.push(command),
    timers,
    log,
  });
  const executorStreams = new ExecutorStreams(log, timers, metrics.streams.observer('executor_events'));
  let started = false;
  let fault: FailureError | undefined;
  const fatal = (kind: 'conflict' | 'bug', message: string): void => {
    if (fault !== undefined) return;
    fault = new FailureError(failure(kind, message));
    if (started) onFatal(fault);
  };
  const session = new MasterSession({
    masters: config.master,
    random: dependencies.random ?? Math.random,
    backoff: { minMs: config.registrationBackoffFactor, maxMs: config.registrationBackoffMax },
    timers,
    log,
    observer: metrics.streams.observer('agent_messages'),
    term: () => state.term,
    onOpened: (sessionId) => loop.push({ kind: 'sessionOpened', sessionId }),
    onClosed: (sessionId) => loop.push({ kind: 'sessionClosed', sessionId }),
    onRefused: (reason) => fatal('conflict', `the master refused this agent: ${reason}`),
    onMessages: (sessionId, term, messages) => {
      const { orders, ignored } = ordersOf(messages, { newId: randomUUID, runtimes });
      if (ignored > 0) metrics.messagesIgnored.inc(ignored);
      loop.push({
        kind: 'masterSaid',
        sessionId,
        term,
        orders: withDefaultContainer(orders, defaultContainer),
      });
    },
    isFull: (resume) => loop.isFull(resume),
  });
  const history = new History({
    ...historyBounds,
    executors: config.maxCompletedExecutorsPerFramework,
  });
  const statusContext = () => ({ agentId: state.agentId, agentIp: agentIpOf(config) });
  const view: AgentView = {
    state,
    workDir: config.workDir,
    info,
    runtimes,
    history,
    diskUses,
    statusContext,
  };

  const outcomes = await recoverContainers(
    checkpoint,
    runtimes,
    containers,
    join(config.workDir, 'meta', 'runs'),
    sandboxesOf(config.workDir, state),
  );
  await secretFiles.keepOnly(
    new Set([...state.tasks.values(), ...state.executors.values()].map(({ containerId }) => containerId)),
  );
  // Executors look for their agent before it can take what they say (E2).
  let ready = false;
  const counted = (service: GrpcService): GrpcService => ({
    ...service,
    definition: metrics.streams.counted(service.definition),
  });
  const forExecutors = counted(
    executorGrpcService({
      view,
      streams: executorStreams,
      tokens: config.authenticateExecutors ? specContext.executorTokens : undefined,
      push: (command) => {
        if (!ready) throw new FailureError(failure('notLeader', 'the agent is starting'));
        loop.push(command);
      },
    }),
  );
  const services = [counted(agentGrpcService(view, specOf)), forExecutors];
  const grpc = await startGrpcServer({ ...config, services, log });
  // Executors run on this machine: an agent that listens everywhere is found by them on the machine itself.
  grpcAddress = `${agentIpOf(config)}:${portOf(grpc)}`;
  opened.push(() => grpc.close());
  const socket =
    executorSocket === undefined
      ? undefined
      : await startGrpcSocketServer({ path: executorSocket, services: [forExecutors], log });
  opened.push(async () => socket?.close());
  const http = await startHttpServer({
    ...config,
    port: config.httpPort,
    service: 'agent',
    version,
    metrics: metrics.registry,
    ready: () => state.session?.registered === true || 'not registered with a master',
    routes: (app) => {
      fileRoutes(app, view);
      containerRoutes(app, view);
    },
    log,
  });
  opened.push(() => http.close());

  const identity = {
    info: { ...info, port: portOf(grpc) },
    version,
    grpcAddress: config.advertise ?? grpc.address,
    httpAddress: http.address,
  };
  const world = createWorld({
    checkpoint,
    containers,
    session,
    probes,
    executorStreams,
    push: (command) => loop.push(command),
    workDir: config.workDir,
    identity,
    statusContext,
    history,
    metrics,
    tracing,
    log,
    fatal,
  });
  const loop: Loop = new Loop(state, world, clock, timers);
  ready = true;
  metrics.eachContainer.watch(view);
  metrics.spans.watch(tracing);
  metrics.queues.watch('commands', commandsQueuedMax, () => loop.queued);
  metrics.queues.watch('starts', startsQueuedMax, () => containers.queued);
  metrics.queues.watch('agent_messages', messagesQueuedMax, () => session.queued);
  metrics.queues.watch('executor_events', executorEventsQueuedMax, () => executorStreams.queuedMost);
  const ids = gpus.offered.map(({ id }) => id);
  loop.push({
    kind: 'configured',
    resources,
    ...(gpus.machine.found.length > 0 && { gpus: ids }),
    identity: own,
    policy: config.reconfigurationPolicy as ReconfigurationPolicy,
    rebooted: checkpoint.rebooted,
  });
  loop.push({ kind: 'recovered', outcomes });
  await loop.settle();
  throwIfAny(fault);
  started = true;
  if (config.recover === 'cleanup') {
    loop.push({ kind: 'unregister', reason: 'the agent was started to end its tasks (--recover=cleanup)' });
    await loop.settle();
  } else {
    session.open();
  }
  housekeeper.start();
  portWatcher?.start();
  if (config.resourceEstimator !== 'none' || config.qosController !== 'none') oversubscriber.start();

  let closing: Promise<void> | undefined;
  return {
    grpc: grpc.address,
    http: http.address,
    metrics,
    agentId: () => state.agentId,
    isRegistered: () => state.session?.registered === true,
    settle: () => loop.settle(),
    unregister: async (reason) => {
      loop.push({ kind: 'unregister', reason });
      await loop.settle();
    },
    close: () =>
      (closing ??= close({
        housekeeper,
        portWatcher,
        oversubscriber,
        loop,
        session,
        containers,
        probes,
        executorStreams,
        runtimes,
        checkpoint,
        workDir: config.workDir,
        grpc,
        socket,
        http,
      })),
  };
}

/** The operator's variables, which were read once already. */
function variablesOf({ executorEnvironmentVariables }: AgentConfig): ReadonlyMap<string, string> {
  const variables = parseVariables(executorEnvironmentVariables ?? '{}');
  if (isFailure(variables)) throw new FailureError(variables);
  return variables;
}

/** The operator's container for all that bring none, which was read once already; its networks are known only here. */
function defaultContainerOf(
  { defaultContainerInfo }: AgentConfig,
  runtimes: ReadonlyMap<string, ContainerRuntime>,
): ContainerInfo | undefined {
  if (defaultContainerInfo === undefined) return undefined;
  const container = parseDefaultContainer(defaultContainerInfo);
  if (isFailure(container)) throw new FailureError(container);
  const wrong = defaultContainerRefusal(container, runtimes.get('process')?.networks);
  if (wrong !== undefined) throw new FailureError(failure('invalid', `--default-container-info: ${wrong}`));
  return container;
}

function throwIfAny(error: FailureError | undefined): void {
  if (error !== undefined) throw error;
}

function sandboxesOf(workDir: string, state: AgentState): Sandboxes {
  return {
    ofTask: (key) => {
      const task = state.tasks.get(key);
      return task === undefined || state.agentId === undefined
        ? ''
        : sandboxOfTask(workDir, state.agentId, state, task);
    },
    ofExecutor: (key) => {
      const executor = state.executors.get(key);
      return executor === undefined || state.agentId === undefined
        ? ''
        : sandboxOfExecutor(workDir, state.agentId, executor);
    },
  };
}

function portOf({ address }: GrpcServer): number {
  const parsed = parseAddress(address);
  return isFailure(parsed) ? 0 : parsed.port;
}

/** Who sees to it that tasks listen on their own ports only, if that is wanted. */
function watchPorts(
  config: AgentConfig,
  state: AgentState,
  runtimes: ReadonlyMap<string, ContainerRuntime>,
  push: (command: Command) => void,
  timers: Timers,
  log: Logger,
): PortWatcher | undefined {
  if (!config.enforceContainerPorts) return undefined;
  const runtime = runtimes.get('process');
  // Without control groups nobody can say which processes are a task's.
  if (runtime?.keepsLimits !== true)
    throw new FailureError(
      failure(
        'denied',
        '--enforce-container-ports needs the runtime process, and control groups that it may write to',
      ),
    );
  const { containerPortsWatchInterval: intervalMs, checkAgentPortRangeOnly: offeredOnly } = config;
  return new PortWatcher({ state, runtime, intervalMs, offeredOnly, push, timers, log });
}

/** Ends what takes commands first and what keeps them last. */
async function close(parts: {
  readonly loop: Loop;
  readonly session: MasterSession;
  readonly housekeeper: Housekeeper;
  readonly portWatcher: PortWatcher | undefined;
  readonly oversubscriber: Oversubscriber;
  readonly containers: Containers;
  readonly probes: Probes;
  readonly executorStreams: ExecutorStreams;
  readonly runtimes: ReadonlyMap<string, ContainerRuntime>;
  readonly checkpoint: Checkpoint;
  readonly workDir: string;
  readonly grpc: GrpcServer;
  readonly socket: GrpcServer | undefined;
  readonly http: HttpServer;
}): Promise<void> {
  const { loop, session, containers, probes, executorStreams, runtimes, checkpoint, grpc, http } = parts;
  probes.close();
  parts.oversubscriber.close();
  await parts.housekeeper.close();
  await parts.portWatcher?.close();
  await containers.close();
  loop.push({ kind: 'closing' });
  await loop.settle();
  loop.stop();
  await containers.drain();
  session.close();
  executorStreams.closeAll();
  await Promise.all([grpc.close(), parts.socket?.close(), http.close()]);
  await closeAll(runtimes);
  // A folder that is mounted on for a task must stay.
  if (checkpoint.state.tasks.size + checkpoint.state.executors.size === 0)
    await leaveRunDirectory(agentNameOf(parts.workDir));
  await checkpoint.close();
}

async function closeAll(runtimes: ReadonlyMap<string, ContainerRuntime>): Promise<void> {
  for (const runtime of runtimes.values()) await runtime.close();
}
