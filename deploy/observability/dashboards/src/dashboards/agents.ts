import { mean, ofProcesses, quantiles, rate, type DashboardSpec } from '../spec';

/** The agents and their containers. */
export const agents: DashboardSpec = {
  name: 'agents',
  title: 'Agents',
  description: 'Do containers start, are status updates acknowledged, and do agents keep up?',
  rows: [
    {
      title: 'Containers',
      panels: [
        {
          title: 'Running, by runtime',
          description: 'Containers that run now.',
          kind: 'stacked',
          unit: 'short',
          queries: [{ expr: 'sum by (runtime) (meseta_agent_containers)', legend: '{{runtime}}' }],
        },
        {
          title: 'Launches',
          description:
            'Containers asked for, by runtime and outcome. Failures: the message of the TASK_FAILED status says why.',
          kind: 'lines',
          unit: 'ops',
          queries: [
            {
              expr: rate('meseta_agent_launches_total', 'runtime, outcome'),
              legend: '{{runtime}} {{outcome}}',
            },
          ],
        },
        {
          title: 'Time to start',
          description: 'From the order until the process of the task exists. With Docker a pull is in it.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_agent_launch_seconds', ['runtime']),
        },
      ],
    },
    {
      title: 'What containers use',
      panels: [
        {
          title: 'Cpu',
          description:
            'Cores in use by the ten containers that use most. A task with a limit may be kept from more: see Throttled.',
          kind: 'lines',
          unit: 'short',
          queries: [
            {
              expr: 'topk(10, sum by (framework_id, executor_id) (rate(meseta_agent_container_cpu_seconds_total[$__rate_interval])))',
              legend: '{{executor_id}}',
            },
          ],
        },
        {
          title: 'Throttled',
          description: 'The part of the time for which a container was kept from the cpu by its limit.',
          kind: 'lines',
          unit: 'percentunit',
          queries: [
            {
              expr: 'topk(10, sum by (framework_id, executor_id) (rate(meseta_agent_container_cpu_throttled_seconds_total[$__rate_interval])))',
              legend: '{{executor_id}}',
            },
          ],
        },
        {
          title: 'Memory, of its limit',
          description:
            'The ten containers nearest to the limit at which they are ended. Caches count until the kernel needs their room.',
          kind: 'lines',
          unit: 'percentunit',
          queries: [
            {
              expr: 'topk(10, max by (framework_id, executor_id) (meseta_agent_container_memory_bytes / meseta_agent_container_memory_limit_bytes))',
              legend: '{{executor_id}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Status updates',
      panels: [
        {
          title: 'Made',
          description: 'Status updates by state.',
          kind: 'lines',
          unit: 'ops',
          queries: [{ expr: rate('meseta_agent_status_updates_total', 'state'), legend: '{{state}}' }],
        },
        {
          title: 'Unacknowledged',
          description: 'The agents with most. If it stays, a framework is away or does not acknowledge.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: 'topk(10, meseta_agent_status_updates_unacknowledged)', legend: '{{instance}}' }],
        },
        {
          title: 'Sent again',
          description: 'Status updates repeated because nobody acknowledged them.',
          kind: 'lines',
          unit: 'ops',
          queries: [
            {
              expr: 'sum(rate(meseta_agent_status_update_retries_total[$__rate_interval]))',
              legend: 'retries',
            },
          ],
        },
      ],
    },
    {
      title: 'With the master',
      panels: [
        {
          title: 'Registered',
          description: 'Agents that a master has taken in, and those that look for one.',
          kind: 'stacked',
          unit: 'short',
          queries: [
            { expr: 'sum(meseta_agent_registered)', legend: 'registered' },
            {
              expr: 'count(meseta_agent_registered) - sum(meseta_agent_registered)',
              legend: 'looking for a master',
            },
          ],
        },
        {
          title: 'Registrations',
          description: 'All agents register again when the leader changes; otherwise a stream broke.',
          kind: 'lines',
          unit: 'ops',
          queries: [
            {
              expr: 'sum(rate(meseta_agent_registrations_total[$__rate_interval]))',
              legend: 'registrations',
            },
          ],
        },
        {
          title: 'Term obeyed',
          description: 'The lowest and the highest. They differ only while a new leader gathers its agents.',
          kind: 'lines',
          unit: 'short',
          queries: [
            { expr: 'min(meseta_agent_term)', legend: 'lowest' },
            { expr: 'max(meseta_agent_term)', legend: 'highest' },
          ],
        },
        {
          title: 'Messages of one write',
          description: 'The mean number of messages that an agent sends at once.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: mean('meseta_agent_stream_batch_items', 'stream'), legend: '{{stream}}' }],
        },
        {
          title: 'Messages of unknown kinds',
          description: 'Not zero: the master is newer than the agent.',
          kind: 'lines',
          unit: 'ops',
          queries: [
            { expr: 'sum(rate(meseta_agent_messages_ignored_total[$__rate_interval]))', legend: 'ignored' },
          ],
        },
        {
          title: 'Bytes of the agent API',
          description: 'Mostly logs that people read, by method.',
          kind: 'lines',
          unit: 'Bps',
          queries: [{ expr: rate('meseta_agent_grpc_bytes_total', 'method'), legend: '{{method}}' }],
        },
      ],
    },
    {
      title: 'The agents themselves',
      panels: [
        {
          title: 'Turn',
          description: 'Time of one turn of the loop, without its writes.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_agent_turn_seconds'),
        },
        {
          title: 'Checkpoint',
          description: 'How long a turn waits for its writes. Slow: the disk of the work directory.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_agent_checkpoint_commit_seconds'),
        },
        {
          title: 'Queues, fullest agent',
          description: 'How full each queue is. At 1 the agent refuses, or pauses the master.',
          kind: 'lines',
          unit: 'percentunit',
          queries: [
            {
              expr: 'max by (queue) (meseta_agent_queue_items / meseta_agent_queue_items_max)',
              legend: '{{queue}}',
            },
          ],
        },
        {
          title: 'Event-loop lag, slowest',
          description: 'The 99th percentile since the last scrape.',
          kind: 'lines',
          unit: 's',
          queries: [
            {
              expr: `topk(10, ${ofProcesses('nodejs_eventloop_lag_p99_seconds', 'agents')})`,
              legend: '{{instance}}',
            },
          ],
        },
        {
          title: 'Memory, largest',
          description: "The agent's own memory, without its containers.",
          kind: 'lines',
          unit: 'bytes',
          queries: [
            {
              expr: `topk(10, ${ofProcesses('process_resident_memory_bytes', 'agents')})`,
              legend: '{{instance}}',
            },
          ],
        },
        {
          title: 'Processor, busiest',
          description: "The agent's own cpu, without its containers.",
          kind: 'lines',
          unit: 'percentunit',
          queries: [
            {
              expr: `topk(10, ${ofProcesses('rate(process_cpu_seconds_total[$__rate_interval])', 'agents')})`,
              legend: '{{instance}}',
            },
          ],
        },
      ],
    },
  ],
};
