import type { HttpApp } from '@meseta/kit';
import { containerStatus } from '../effects/status-message';
import type { ContainerUsage } from '../runtime/container-runtime';
import type { AgentView } from './agent-view';
import { runningContainers, usageOf, type RunningContainer } from './containers';

/**
 * Adds `/containers`: what runs and what it uses, in the names of Mesos (G71).
 *
 * @see https://mesos.apache.org/documentation/latest/endpoints/slave/containers/
 */
export function containerRoutes(app: HttpApp, view: AgentView): void {
  app.get('/containers', () =>
    Promise.all(
      runningContainers(view.state).map(async (running) =>
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
    ...(usage !== undefined && { statistics: statisticsOf(usage) }),
  };
}

/** JSON leaves out what is undefined. */
function statisticsOf(usage: ContainerUsage): object {
  return {
    timestamp: Date.now() / 1000,
    cpus_user_time_secs: usage.cpuSeconds,
    cpus_throttled_time_secs: usage.cpuThrottledSeconds,
    mem_total_bytes: usage.memoryBytes,
    mem_rss_bytes: usage.memoryRssBytes,
    mem_limit_bytes: usage.memoryLimitBytes,
    processes: usage.processes,
  };
}
