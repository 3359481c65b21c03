import type { HttpApp } from '@meseta/kit';
import type { ResourceStatistics } from '@meseta/protocol';
import { containerStatus } from '../effects/status-message';
import type { ContainerUsage } from '../runtime/container-runtime';
import type { AgentView } from './agent-view';
import { listedContainers, statisticsOf, usageOf, type RunningContainer } from './containers';

/**
 * Adds `/containers`: what runs and what it uses, in the names of Mesos (G71).
 *
 * @see https://mesos.apache.org/documentation/latest/endpoints/slave/containers/
 */
export function containerRoutes(app: HttpApp, view: AgentView): void {
  app.get('/containers', () =>
    Promise.all(
      listedContainers(view.state).map(async (running) =>
        entryOf(view, running, await usageOf(view, running)),
      ),
    ),
  );
}

function entryOf(view: AgentView, running: RunningContainer, usage: ContainerUsage | undefined): object {
  const { containerId, networkInfos, executorPid } = containerStatus(running, view.statusContext());
  return {
    container_id: running.containerId,
    executor_id: running.executorId,
    executor_name: running.name ?? '',
    framework_id: running.frameworkId,
    source: running.executorId,
    status: {
      container_id: containerId,
      network_infos: networkInfos.map(({ name, ipAddresses }) => ({
        ...(name !== undefined && { name }),
        ip_addresses: ipAddresses.map(({ ipAddress }) => ({ ip_address: ipAddress })),
      })),
      ...(executorPid !== undefined && { executor_pid: executorPid }),
    },
    statistics: inJson(statisticsOf(running, usage)),
  };
}

/** JSON leaves out what is undefined, and has no whole numbers of its own. */
function inJson(statistics: ResourceStatistics): object {
  const { memTotalBytes, memRssBytes, memLimitBytes } = statistics;
  const number = (bytes: bigint | undefined): number | undefined =>
    bytes === undefined ? undefined : Number(bytes);
  return {
    timestamp: statistics.timestamp,
    cpus_limit: statistics.cpusLimit,
    cpus_user_time_secs: statistics.cpusUserTimeSecs,
    cpus_system_time_secs: statistics.cpusSystemTimeSecs,
    cpus_throttled_time_secs: statistics.cpusThrottledTimeSecs,
    mem_total_bytes: number(memTotalBytes),
    mem_rss_bytes: number(memRssBytes),
    mem_limit_bytes: number(memLimitBytes),
    processes: statistics.processes,
    threads: statistics.threads,
  };
}
