import type { HttpApp } from '@meseta/kit';
import { containerStatus } from '../effects/status-message';
import type { AgentView } from './agent-view';
import { listedContainers, runningContainers, statisticsFor, type RunningContainer } from './containers';
import { Pace } from './pace';

/** How often `/monitor/statistics` answers, as in Mesos, where tools ask it of each agent over and over. */
const answersPerSecond = 2;

/**
 * Adds `/containers` (G71), what runs and what it uses, and `/monitor/statistics` (G70), the same without pods, in the names of Mesos.
 *
 * @see https://mesos.apache.org/documentation/latest/endpoints/slave/containers/
 * @see https://mesos.apache.org/documentation/latest/endpoints/monitor/statistics/
 */
export function containerRoutes(app: HttpApp, view: AgentView): void {
  app.get('/containers', () =>
    Promise.all(
      listedContainers(view.state).map(async (running) => ({
        container_id: running.containerId,
        ...(await entryOf(view, running)),
        status: statusOf(view, running),
      })),
    ),
  );
  const pace = new Pace(answersPerSecond, 1_000);
  app.get('/monitor/statistics', async () => {
    await pace.turn();
    return Promise.all(runningContainers(view.state).map((running) => entryOf(view, running)));
  });
}

async function entryOf(view: AgentView, running: RunningContainer): Promise<object> {
  return {
    executor_id: running.executorId,
    executor_name: running.name ?? '',
    framework_id: running.frameworkId,
    source: running.executorId,
    statistics: inJson(await statisticsFor(view, running)),
  };
}

function statusOf(view: AgentView, running: RunningContainer): object {
  const { containerId, networkInfos, executorPid } = containerStatus(running, view.statusContext());
  return {
    container_id: containerId,
    network_infos: networkInfos.map(({ name, ipAddresses }) => ({
      ...(name !== undefined && { name }),
      ip_addresses: ipAddresses.map(({ ipAddress }) => ({ ip_address: ipAddress })),
    })),
    ...(executorPid !== undefined && { executor_pid: executorPid }),
  };
}

/** With the names of the protos, and with numbers: JSON has no whole ones of its own. Empty lists are left out. */
function inJson(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(inJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined && !(Array.isArray(field) && field.length === 0))
      .map(([name, field]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        inJson(field),
      ]),
  );
}
