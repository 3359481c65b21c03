import type { Metrics } from '@meseta/kit';
import type { AgentView } from './agent-view';
import { runningContainers, usageOf } from './containers';

/** Of how many containers a scrape tells: an agent has fewer, unless its tasks ask for next to nothing. */
export const containersToldMax = 1_000;

/** What series of containers are read from. */
export type ContainerSource = Pick<AgentView, 'state' | 'runtimes' | 'diskUses'>;

export interface ContainerSeries {
  /** Reads what containers use at each scrape. */
  watch(source: ContainerSource): void;
}

const labels = ['framework_id', 'executor_id', 'container_id', 'runtime'] as const;

/** The series of each container that runs: what it uses, read when somebody asks. A container that has ended is told of no more. */
export function createContainerSeries(metrics: Metrics): ContainerSeries {
  const cpu = metrics.counter('container_cpu_seconds_total', 'Cpu time of a container.', labels);
  const throttled = metrics.counter(
    'container_cpu_throttled_seconds_total',
    'How long a container was kept from the cpu by its limit.',
    labels,
  );
  const memory = metrics.gauge('container_memory_bytes', 'Memory of a container, caches included.', labels);
  const rss = metrics.gauge('container_memory_rss_bytes', 'Memory of a container without caches.', labels);
  const limit = metrics.gauge(
    'container_memory_limit_bytes',
    'The memory at which a container is ended; no series without a limit.',
    labels,
  );
  const processes = metrics.gauge('container_processes', 'Processes of a container.', labels);
  const traffic = metrics.counter(
    'container_network_bytes_total',
    'What went over the networks of a container that has some of its own.',
    [...labels, 'direction'],
  );
  const disk = metrics.gauge(
    'container_disk_bytes',
    'What a container uses of disk without volumes, where it is found out (--report-disk-usage, --enforce-disk-quota).',
    labels,
  );
  const all = [cpu, throttled, memory, rss, limit, processes, traffic, disk];

  const read = async (source: ContainerSource): Promise<void> => {
    const running = runningContainers(source.state).slice(0, containersToldMax);
    const usages = await Promise.all(
      running.map((container) => usageOf(source, container).catch(() => undefined)),
    );
    for (const series of all) series.reset();
    for (const [i, { frameworkId, executorId, containerId, runtime }] of running.entries()) {
      const usage = usages[i];
      const of = {
        framework_id: frameworkId,
        executor_id: executorId,
        container_id: containerId,
        runtime,
      };
      const used = source.diskUses.of(containerId);
      if (used !== undefined) disk.set(of, used.sandbox.usedBytes);
      if (usage === undefined) continue;
      if (usage.cpuSeconds !== undefined) cpu.inc(of, usage.cpuSeconds);
      if (usage.cpuThrottledSeconds !== undefined) throttled.inc(of, usage.cpuThrottledSeconds);
      if (usage.memoryBytes !== undefined) memory.set(of, usage.memoryBytes);
      if (usage.memoryRssBytes !== undefined) rss.set(of, usage.memoryRssBytes);
      if (usage.memoryLimitBytes !== undefined) limit.set(of, usage.memoryLimitBytes);
      if (usage.processes !== undefined) processes.set(of, usage.processes);
      if (usage.network !== undefined) {
        traffic.inc({ ...of, direction: 'received' }, usage.network.received.bytes);
        traffic.inc({ ...of, direction: 'sent' }, usage.network.sent.bytes);
      }
    }
  };
  return { watch: (source) => metrics.onCollect(() => read(source)) };
}
