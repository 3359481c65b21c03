import { basename, dirname, join } from 'node:path';
import { isFailure, Resources, assert, msOfNanoseconds, type AgentId, type Resource } from '@meseta/model';
import {
  resourcesFromProto,
  type CommandInfo,
  type ContainerInfo,
  type FrameworkInfo,
  type Resource as ProtoResource,
  type TaskInfo,
} from '@meseta/protocol';
import { tokenVariable, type ExecutorTokens } from '../secrets/executor-tokens';
import { variablesOf, type SecretResolver } from '../secrets/resolver';
import { containerNetworkOf, type ContainerNetwork } from '../network/container-network';
import type { ContainerLimits, ContainerMount, ContainerSpec } from '../runtime/container-runtime';
import { defaultPath } from '../runtime/process/programs';
import { sharesOf, type ContainerShares } from '../runtime/shares';
import { agentInContainer, sandboxInContainer } from '../sandbox/paths';
import { sandboxOfExecutor, sandboxOfTask } from '../sandbox/sandbox-of';
import type { AgentState, ExecutorRecord, TaskRecord } from '../state/state';
import { volumesOf } from '../state/operations';
import { liveTasksOf } from '../state/running';
import { gpusOfExecutor, gpusOfTask, gpuVariables } from './container-gpus';
import { volumePath } from './volumes';

/** Less memory than this does not hold a shell and its C library: no container is limited below it, as in Mesos. */
const memoryBytesMin = 32 * 1024 * 1024;
const bytesPerMegabyte = 1024 * 1024;

/** What specs depend on besides the records. */
export interface SpecContext {
  readonly state: AgentState;
  readonly workDir: string;
  readonly switchUser: boolean;
  readonly limitCpu: boolean;
  /** Whether revocable cpus weigh next to nothing against others (R61). */
  readonly revocableCpuLowPriority: boolean;
  /** How many processes and threads a container may have; unset is no bound. */
  readonly processesMax?: number;
  /** Where containers on the machine's own network are reached. */
  readonly agentIp: string;
  /** Where executors find this agent's gRPC server, as host:port. */
  readonly grpcAddress: () => string;
  /** The socket by which they find it too, if there is one, in a folder of its own. */
  readonly executorSocket: string | undefined;
  readonly resolveSecret: SecretResolver;
  /** Variables for everything that runs. */
  readonly variables: ReadonlyMap<string, string>;
  /** How long executors look for an agent that is gone. Milliseconds. */
  readonly recoveryTimeoutMs: number;
  readonly executorTokens: Pick<ExecutorTokens, 'tokenOf'>;
}

/**
 * What the runtime is told to run for a task: a command, alone or in a group.
 *
 * @throws FailureError for a secret that cannot be had
 */
export function taskSpec(context: SpecContext, agentId: AgentId, task: TaskRecord): ContainerSpec {
  const { state, workDir } = context;
  const { info, containerId, frameworkId } = task;
  const resources = resourcesOf(info.resources);
  const sandbox = sandboxOfTask(workDir, agentId, state, task);
  const pod = task.executor === undefined ? undefined : state.executors.get(task.executor);
  const shares = pod !== undefined && info.container?.linuxInfo?.shareCgroups !== false;
  const gpus = gpusOfTask(state, task);
  const own = { ...limitsOf(context, info.limits, resources), ...processesOf(context), ...gpus };
  const network = networkOf(pod ?? task);
  return {
    containerId,
    agentId,
    frameworkId,
    name: task.taskId,
    command: info.command,
    container: info.container,
    user: userOf(context, info.command, state.frameworks.get(frameworkId)?.info),
    environment: environmentOf(
      seenOf(context, task.runtime, info.container, sandbox),
      sandbox,
      resources,
      variablesOf(info.command, context.resolveSecret),
      [
        ['MESOS_TASK_ID', task.taskId],
        ['MESOS_FRAMEWORK_ID', frameworkId],
        ['MESOS_AGENT_ID', agentId],
        ['MESOS_EXECUTOR_ID', pod?.executorId ?? task.taskId],
        ...gpuVariables(gpus.gpus),
        // In a network of its own the address is known only when it is in.
        ...(pod !== undefined && network === undefined
          ? ([['MESOS_CONTAINER_IP', context.agentIp]] as const)
          : []),
      ],
    ),
    sandbox,
    resources,
    // Of a group that shares, the weights are each its own and the bounds are those of all together (E51).
    limits:
      shares && info.limits['mem'] === undefined
        ? { ...weightOf(context, resources), ...processesOf(context), ...gpus }
        : own,
    ...(pod !== undefined && {
      group: { containerId: pod.containerId, limits: executorLimits(context, pod) },
    }),
    ...(network !== undefined && { network }),
    ...registryConfigOf(context, info.container),
    ...sharing(sharesOf(info, pod?.info)),
    mounts: mountsOf(workDir, resources, (volume) => isUsed(context, volume, task.key)),
  };
}

/**
 * What the runtime is told to run for a custom executor (E19).
 *
 * @throws FailureError for a secret that cannot be had
 */
export function executorSpec(
  context: SpecContext,
  agentId: AgentId,
  executor: ExecutorRecord,
): ContainerSpec {
  const { state, workDir } = context;
  const { info, containerId, frameworkId, executorId } = executor;
  const framework = state.frameworks.get(frameworkId)?.info;
  const resources = resourcesOf(info.resources);
  const sandbox = sandboxOfExecutor(workDir, agentId, executor);
  const network = networkOf(executor);
  const socket = socketOf(context, executor);
  const graceMs =
    msOfNanoseconds(info.shutdownGracePeriod?.nanoseconds ?? 0n) || state.timing.shutdownGraceMs;
  return {
    containerId,
    agentId,
    frameworkId,
    name: executorId,
    command: info.command,
    container: info.container,
    user: userOf(context, info.command, framework),
    environment: environmentOf(
      seenOf(context, executor.runtime, info.container, sandbox),
      sandbox,
      resources,
      variablesOf(info.command, context.resolveSecret),
      [
        ['MESOS_FRAMEWORK_ID', frameworkId],
        ['MESOS_EXECUTOR_ID', executorId],
        ['MESOS_AGENT_ID', agentId],
        ['MESOS_SLAVE_ID', agentId],
        ['MESOS_AGENT_ENDPOINT', context.grpcAddress()],
        ...(socket === undefined ? [] : ([['MESOS_DOMAIN_SOCKET', socket.path]] as const)),
        ['MESOS_CHECKPOINT', framework?.checkpoint === true ? '1' : '0'],
        ['MESOS_RECOVERY_TIMEOUT', `${context.recoveryTimeoutMs}ms`],
        ['MESOS_SUBSCRIPTION_BACKOFF_MAX', '2secs'],
        ['MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD', `${graceMs}ms`],
        [tokenVariable, context.executorTokens.tokenOf(executor)],
        // Of the process runtime, what it may use changes with its tasks: it sees what is there.
        ...(executor.runtime === 'docker' ? gpuVariables(gpusOfExecutor(state, executor).gpus) : []),
      ],
    ),
    sandbox,
    resources,
    limits: executorLimits(context, executor),
    ...(network !== undefined && { network }),
    ...registryConfigOf(context, info.container),
    ...sharing(sharesOf(info, undefined)),
    mounts: [
      ...mountsOf(workDir, resources, (volume) => isUsed(context, volume, executor.key)),
      ...(socket?.mounts ?? []),
    ],
  };
}

/** Where an executor finds the agent's socket, and what must be mounted for that. A restarted agent makes its socket anew: what is mounted is the folder (E1). */
function socketOf(
  { executorSocket }: SpecContext,
  { runtime, info }: ExecutorRecord,
): { readonly path: string; readonly mounts: readonly ContainerMount[] } | undefined {
  if (executorSocket === undefined) return undefined;
  if (!hasOwnRoot(runtime, info.container)) return { path: executorSocket, mounts: [] };
  const mount = {
    source: dirname(executorSocket),
    target: agentInContainer,
    readOnly: true,
    isVolume: false,
  };
  return { path: join(agentInContainer, basename(executorSocket)), mounts: [mount] };
}

/** What the image says itself of who may have it. */
function registryConfigOf(
  { resolveSecret }: SpecContext,
  container: ContainerInfo | undefined,
): Pick<ContainerSpec, 'registryConfig'> {
  const secret = container?.mesos?.image?.docker?.config;
  return secret === undefined ? {} : { registryConfig: resolveSecret(secret).toString() };
}

function sharing(shares: ContainerShares | undefined): Pick<ContainerSpec, 'shares'> {
  return shares === undefined ? {} : { shares };
}

/** The networks of a task or an executor. Docker is told of its in its own words. */
function networkOf({
  runtime,
  info,
  containerId,
}: TaskRecord | ExecutorRecord): ContainerNetwork | undefined {
  return runtime === 'process' ? containerNetworkOf(info.container, containerId) : undefined;
}

/** What an executor and its tasks may use together (E21). */
export function executorLimits(context: SpecContext, executor: ExecutorRecord): ContainerLimits {
  const { state } = context;
  const tasks = liveTasksOf(state, executor).map(({ info }) => info);
  const all = [executor.info.resources, ...tasks.map(({ resources }) => resources)].map(resourcesOf);
  const sum = all.reduce((sum, one) => sum.add(one), Resources.empty);
  return {
    ...limitsOf(context, sumOfLimits(tasks), sum),
    // A pod is no container: each of its tasks may have so many.
    ...(executor.kind === 'custom' && processesOf(context)),
    ...gpusOfExecutor(state, executor),
  };
}

function processesOf({ processesMax }: SpecContext): Pick<ContainerLimits, 'processes'> {
  return processesMax === undefined ? {} : { processes: processesMax };
}

/** A limit of one of a group counts for the group as so much more than was asked for. */
function sumOfLimits(tasks: readonly TaskInfo[]): TaskInfo['limits'] {
  const limits: { [name: string]: { value: number } } = {};
  for (const name of ['cpus', 'mem']) {
    if (!tasks.some((task) => task.limits[name] !== undefined)) continue;
    const value = tasks.reduce(
      (sum, task) => sum + (task.limits[name]?.value ?? resourcesOf(task.resources).scalarMilli(name) / 1000),
      0,
    );
    limits[name] = { value };
  }
  return limits;
}

function resourcesOf(given: readonly ProtoResource[]): Resources {
  const resources = resourcesFromProto(given);
  assert(!isFailure(resources), 'resources were checked when they came in');
  return resources;
}

export function volumeMounts(workDir: string, given: readonly ProtoResource[]): readonly ContainerMount[] {
  return mountsOf(workDir, resourcesOf(given), () => true);
}

/**
 * Persistent volumes of the resources, where the task wants them (R54).
 *
 * @param isUsed whether somebody else uses a volume: then it keeps its owner
 */
function mountsOf(
  workDir: string,
  resources: Resources,
  isUsed: (volume: Resource) => boolean,
): readonly ContainerMount[] {
  return volumesOf(resources).map((volume: Resource) => ({
    source: volumePath(workDir, volume),
    target: volume.disk?.volume?.containerPath ?? '',
    readOnly: volume.disk?.volume?.mode === 'RO',
    isVolume: volume.shared !== true || !isUsed(volume),
  }));
}

/** Whether a task or an executor that has not ended uses a volume, but for the one that is asked for. */
function isUsed({ state, workDir }: SpecContext, volume: Resource, own: string): boolean {
  const path = volumePath(workDir, volume);
  return [...state.tasks.values(), ...state.executors.values()].some(
    ({ key, phase, info }) =>
      key !== own &&
      phase !== 'ended' &&
      volumesOf(resourcesOf(info.resources)).some((other) => volumePath(workDir, other) === path),
  );
}

/** The command's user, else the framework's (G17). Only root can become another, so elsewhere the framework's general wish is left. */
function userOf(
  { switchUser }: SpecContext,
  command: CommandInfo | undefined,
  framework: FrameworkInfo | undefined,
): string | undefined {
  if (!switchUser) return undefined;
  if (command?.user) return command.user;
  return process.getuid?.() === 0 && framework?.user ? framework.user : undefined;
}

/** Where a container finds its sandbox: at a path of its own where its root is its own. */
interface Seen {
  readonly sandbox: string;
  /** Images say what PATH and HOME are. */
  readonly hasOwn: boolean;
  /** The operator's. */
  readonly variables: ReadonlyMap<string, string>;
}

function seenOf(
  { variables }: SpecContext,
  runtime: string,
  container: ContainerInfo | undefined,
  sandbox: string,
): Seen {
  return {
    sandbox: hasOwnRoot(runtime, container) ? sandboxInContainer : sandbox,
    hasOwn: hasOwnRoot(runtime, container),
    variables,
  };
}

function hasOwnRoot(runtime: string, container: ContainerInfo | undefined): boolean {
  return runtime === 'docker' || container?.mesos?.image !== undefined;
}

/** Nothing of the agent's own (G41): what Mesos gives, then what the task brings. */
function environmentOf(
  seen: Seen,
  sandbox: string,
  resources: Resources,
  variables: readonly (readonly [string, string])[],
  names: readonly (readonly [string, string])[],
): ReadonlyMap<string, string> {
  const role = resources.entries.find((entry) => entry.allocationRole !== undefined)?.allocationRole;
  return new Map<string, string>([
    ...(seen.hasOwn
      ? []
      : ([
          ['PATH', defaultPath],
          ['HOME', seen.sandbox],
        ] as const)),
    ...seen.variables,
    ['MESOS_SANDBOX', seen.sandbox],
    ['MESOS_DIRECTORY', sandbox],
    ...names,
    ['MESOS_ALLOCATION_ROLE', role ?? '*'],
    ...variables,
  ]);
}

/** What was asked for is the weight; a limit of its own lifts or sets the bound (R64). */
function limitsOf(context: SpecContext, limits: TaskInfo['limits'], resources: Resources): ContainerLimits {
  const weight = weightOf(context, resources);
  const cpuLimit = limits['cpus']?.value;
  const quota =
    cpuLimit === undefined ? (context.limitCpu ? weight.cpuMilli : undefined) : finite(cpuLimit * 1000);
  const request = (resources.scalarMilli('mem') / 1000) * bytesPerMegabyte;
  const limit = limits['mem']?.value;
  const memory = limit === undefined ? request : finite(limit * bytesPerMegabyte);
  return {
    ...weight,
    ...(quota !== undefined && quota > 0 && { cpuQuotaMilli: quota }),
    ...(memory !== undefined && memory > 0 && { memoryBytes: Math.max(memoryBytesMin, Math.floor(memory)) }),
    ...(request > 0 && { memoryRequestBytes: Math.max(memoryBytesMin, Math.floor(request)) }),
  };
}

function weightOf(
  { revocableCpuLowPriority }: SpecContext,
  resources: Resources,
): Pick<ContainerLimits, 'cpuMilli' | 'lowCpuMilli'> {
  const lowCpuMilli = revocableCpuLowPriority ? resources.revocable().scalarMilli('cpus') : 0;
  return { cpuMilli: resources.scalarMilli('cpus'), ...(lowCpuMilli > 0 && { lowCpuMilli }) };
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
