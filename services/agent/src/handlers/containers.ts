import { isFailure, type FrameworkId } from '@meseta/model';
import {
  resourceToProto,
  resourcesFromProto,
  type agent,
  type ResourceStatistics,
  type TaskInfo,
} from '@meseta/protocol';
import { containerStatus, statusContainerOf, type StatusContainer } from '../effects/status-message';
import type { ContainerUsage, NetworkUsage } from '../runtime/container-runtime';
import type { ContainerDiskUse, DiskUse } from '../sandbox/disk-uses';
import { liveTasksOf, runningOf } from '../state/running';
import type { AgentState, ExecutorRecord } from '../state/state';
import type { AgentView } from './agent-view';

/** A container that runs, whosever it is. */
export interface RunningContainer extends StatusContainer {
  readonly frameworkId: FrameworkId;
  readonly runtime: string;
  readonly name: string | undefined;
  /** Who shares it, with what each was given. */
  readonly allocation: readonly Pick<TaskInfo, 'resources' | 'limits'>[];
}

/** The containers of tasks and of custom executors; a pod has none but those of its tasks. */
export function runningContainers(state: AgentState): RunningContainer[] {
  const { tasks, executors } = runningOf(state);
  return [
    ...tasks.map((task) => ({
      ...task,
      ...statusContainerOf(state, task),
      name: task.info.name,
      allocation: [task.info],
    })),
    ...executors.map((executor) => ofExecutor(state, executor)),
  ];
}

/** Those, and the pods with a task that runs: what all in one use together (G71). */
export function listedContainers(state: AgentState): RunningContainer[] {
  const pods = [...state.executors.values()].filter(
    ({ kind, tasks }) =>
      kind === 'pod' && [...tasks].some((key) => state.tasks.get(key)?.phase === 'running'),
  );
  return [...runningContainers(state), ...pods.map((pod) => ofExecutor(state, pod))];
}

function ofExecutor(state: AgentState, executor: ExecutorRecord): RunningContainer {
  const live = liveTasksOf(state, executor).map(({ info }) => info);
  return {
    ...executor,
    name: executor.info.name,
    networkInfos: executor.info.container?.networkInfos ?? [],
    allocation: [{ resources: executor.info.resources, limits: {} }, ...live],
  };
}

/** What a container uses now, where its runtime knows. */
export async function usageOf(
  { runtimes }: Pick<AgentView, 'runtimes'>,
  { runtime, containerId }: RunningContainer,
): Promise<ContainerUsage | undefined> {
  return runtimes.get(runtime)?.usage(containerId);
}

/** What runs, with what it may use, and with what it uses where that is known. */
export function containersOf(view: AgentView): Promise<agent.Response_GetContainers_Container[]> {
  return Promise.all(listedContainers(view.state).map((running) => containerOf(view, running)));
}

async function containerOf(
  view: AgentView,
  running: RunningContainer,
): Promise<agent.Response_GetContainers_Container> {
  const status = containerStatus(running, view.statusContext());
  return {
    frameworkId: { value: running.frameworkId },
    executorId: { value: running.executorId },
    executorName: running.name,
    containerId: status.containerId,
    containerStatus: status,
    resourceStatistics: await statisticsFor(view, running),
  };
}

/** What a container was given, and what it uses of that now. */
export async function statisticsFor(view: AgentView, running: RunningContainer): Promise<ResourceStatistics> {
  return statisticsOf(running, await usageOf(view, running), view.diskUses.of(running.containerId));
}

/** What a container was given and what it uses of that, in the words of Mesos (G72). What is not known is left out. */
export function statisticsOf(
  { allocation }: RunningContainer,
  usage: ContainerUsage | undefined,
  disk: ContainerDiskUse | undefined,
): ResourceStatistics {
  const cpus = amountOf(allocation, 'cpus');
  const megabytes = amountOf(allocation, 'mem');
  const limitBytes = megabytes === undefined ? usage?.memoryLimitBytes : megabytes * 1024 * 1024;
  const bytes = (count: number): bigint => BigInt(Math.round(count));
  return {
    timestamp: Date.now() / 1000,
    ...(cpus !== undefined && { cpusLimit: cpus }),
    ...(limitBytes !== undefined && { memLimitBytes: bytes(limitBytes) }),
    ...(usage?.memoryBytes !== undefined && { memTotalBytes: bytes(usage.memoryBytes) }),
    ...(usage?.memoryRssBytes !== undefined && { memRssBytes: bytes(usage.memoryRssBytes) }),
    ...(usage?.cpuSeconds !== undefined && { cpusUserTimeSecs: usage.cpuUserSeconds ?? usage.cpuSeconds }),
    ...(usage?.cpuSystemSeconds !== undefined && { cpusSystemTimeSecs: usage.cpuSystemSeconds }),
    ...(usage?.cpuThrottledSeconds !== undefined && { cpusThrottledTimeSecs: usage.cpuThrottledSeconds }),
    ...(usage?.processes !== undefined && { processes: usage.processes }),
    ...(usage?.threads !== undefined && { threads: usage.threads }),
    ...diskStatisticsOf(disk),
    ...netStatisticsOf(usage?.network),
    netTrafficControlStatistics: [],
  };
}

function diskStatisticsOf(
  disk: ContainerDiskUse | undefined,
): Pick<ResourceStatistics, 'diskLimitBytes' | 'diskUsedBytes' | 'diskStatistics'> {
  if (disk === undefined) return { diskStatistics: [] };
  const numbers = ({ usedBytes, limitBytes }: DiskUse) => ({
    usedBytes: BigInt(usedBytes),
    ...(limitBytes !== undefined && { limitBytes: BigInt(limitBytes) }),
  });
  const { usedBytes, limitBytes } = numbers(disk.sandbox);
  return {
    diskUsedBytes: usedBytes,
    ...(limitBytes !== undefined && { diskLimitBytes: limitBytes }),
    diskStatistics: [
      numbers(disk.sandbox),
      ...disk.volumes.map((use) => {
        const { source, persistence } = resourceToProto(use.volume).disk ?? {};
        return { source, persistence, ...numbers(use) };
      }),
    ],
  };
}

function netStatisticsOf(network: NetworkUsage | undefined): Partial<ResourceStatistics> {
  if (network === undefined) return {};
  const { received, sent } = network;
  return {
    netRxBytes: BigInt(received.bytes),
    netRxPackets: BigInt(received.packets),
    netRxErrors: BigInt(received.errors),
    netRxDropped: BigInt(received.dropped),
    netTxBytes: BigInt(sent.bytes),
    netTxPackets: BigInt(sent.packets),
    netTxErrors: BigInt(sent.errors),
    netTxDropped: BigInt(sent.dropped),
  };
}

/** How much of a resource there is for a container, a limit of its own before what was asked for; undefined for nothing, and without bound. */
function amountOf(allocation: RunningContainer['allocation'], name: 'cpus' | 'mem'): number | undefined {
  let amount = 0;
  for (const { resources, limits } of allocation) {
    const read = resourcesFromProto(resources);
    amount += limits[name]?.value ?? (isFailure(read) ? 0 : read.scalarMilli(name) / 1000);
  }
  return amount > 0 && Number.isFinite(amount) ? amount : undefined;
}
