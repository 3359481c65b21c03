import type { FrameworkId } from '@meseta/model';
import type { agent } from '@meseta/protocol';
import { containerStatus, statusContainerOf, type StatusContainer } from '../effects/status-message';
import type { ContainerUsage } from '../runtime/container-runtime';
import { runningOf } from '../state/running';
import type { AgentState } from '../state/state';
import type { AgentView } from './agent-view';

/** A container that runs, whosever it is. */
export interface RunningContainer extends StatusContainer {
  readonly frameworkId: FrameworkId;
  readonly runtime: string;
  readonly name: string | undefined;
}

/** The containers of tasks and of custom executors; a pod has none but those of its tasks. */
export function runningContainers(state: AgentState): RunningContainer[] {
  const { tasks, executors } = runningOf(state);
  return [
    ...tasks.map((task) => ({ ...task, ...statusContainerOf(state, task), name: task.info.name })),
    ...executors.map((executor) => ({
      ...executor,
      name: executor.info.name,
      networkInfos: executor.info.container?.networkInfos ?? [],
    })),
  ];
}

/** What a container uses now, where its runtime knows. */
export async function usageOf(
  { runtimes }: Pick<AgentView, 'runtimes'>,
  { runtime, containerId }: RunningContainer,
): Promise<ContainerUsage | undefined> {
  return runtimes.get(runtime)?.usage(containerId);
}

/** What runs, with what it uses where that is known. */
export function containersOf(view: AgentView): Promise<agent.Response_GetContainers_Container[]> {
  return Promise.all(runningContainers(view.state).map((running) => containerOf(view, running)));
}

async function containerOf(
  view: AgentView,
  running: RunningContainer,
): Promise<agent.Response_GetContainers_Container> {
  const usage = await usageOf(view, running);
  const status = containerStatus(running, view.statusContext());
  return {
    frameworkId: { value: running.frameworkId },
    executorId: { value: running.executorId },
    executorName: running.name,
    containerId: status.containerId,
    containerStatus: status,
    ...(usage !== undefined && {
      resourceStatistics: {
        timestamp: Date.now() / 1000,
        ...(usage.memoryBytes !== undefined && { memTotalBytes: BigInt(Math.round(usage.memoryBytes)) }),
        ...(usage.memoryLimitBytes !== undefined && { memLimitBytes: BigInt(usage.memoryLimitBytes) }),
        ...(usage.memoryRssBytes !== undefined && { memRssBytes: BigInt(usage.memoryRssBytes) }),
        ...(usage.cpuSeconds !== undefined && { cpusUserTimeSecs: usage.cpuSeconds }),
        ...(usage.cpuThrottledSeconds !== undefined && { cpusThrottledTimeSecs: usage.cpuThrottledSeconds }),
        ...(usage.processes !== undefined && { processes: usage.processes }),
        diskStatistics: [],
        netTrafficControlStatistics: [],
      },
    }),
  };
}
