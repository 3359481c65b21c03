import { mean, ofProcesses, quantiles, rate, services, type DashboardSpec, type Query } from '../spec';

/** Masters, allocators and registries: leadership, commits, queues, streams, and the processes. */
export const controlPlane: DashboardSpec = {
  name: 'control-plane',
  title: 'Control plane',
  description: 'Who leads, are commits fast, do queues and streams flow, and have the processes room?',
  rows: [
    {
      title: 'Leadership',
      panels: [
        {
          title: 'Leads',
          description: 'Exactly one.',
          kind: 'stacked',
          unit: 'short',
          queries: [{ expr: 'meseta_master_elected', legend: '{{instance}}' }],
        },
        {
          title: 'Term',
          description: 'Grows with each change of leader.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: 'max(meseta_master_term)', legend: 'term' }],
        },
        {
          title: 'Elections',
          description: 'Changes of leader in the last quarter of an hour.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: 'sum(increase(meseta_master_elections_total[15m]))', legend: 'elections' }],
        },
        {
          title: 'Campaigns',
          description: 'Masters that stand and that lead, as the registries see them.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: 'sum by (state) (meseta_registry_campaigns)', legend: '{{state}}' }],
        },
        {
          title: 'What became of leaderships',
          description: 'Expired: a leader did not renew its lease in time; look at the lag.',
          kind: 'lines',
          unit: 'ops',
          queries: [
            {
              expr: rate('meseta_registry_leaderships_total', 'election, event'),
              legend: '{{election}} {{event}}',
            },
          ],
        },
        {
          title: 'Allocator connected',
          description: 'Of the leading master: 1.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: 'meseta_master_allocator_connected', legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'The record',
      panels: [
        {
          title: "Master's commit",
          description: 'From asking the registry to its answer.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_master_commit_seconds'),
        },
        {
          title: "Registry's commit",
          description: 'From the arrival of a commit to its answer.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_registry_commit_seconds'),
        },
        {
          title: "Store's calls",
          description:
            'One attempt of a call to etcd. As slow as the commits: the disk or the network of etcd.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_registry_store_call_seconds', ['call']),
        },
        {
          title: 'Commits by outcome',
          description: 'Fenced: a former leader tried. Overloaded: the queue was full.',
          kind: 'lines',
          unit: 'ops',
          queries: [
            { expr: rate('meseta_registry_commit_seconds_count', 'outcome'), legend: '{{outcome}}' },
            {
              expr: 'sum(rate(meseta_master_commit_failures_total[$__rate_interval]))',
              legend: 'failed for a master',
            },
          ],
        },
        {
          title: 'Batching',
          description: 'Writes and callers of one transaction, on average. More under load.',
          kind: 'lines',
          unit: 'short',
          queries: [
            { expr: `${mean('meseta_registry_commit_batch_writes', 'job')}`, legend: 'writes' },
            { expr: `${mean('meseta_registry_commit_batch_callers', 'job')}`, legend: 'callers' },
          ],
        },
        {
          title: 'Store ready, and its errors',
          description: 'Ready is 1 for each registry; errors are attempts that were not answered.',
          kind: 'lines',
          unit: 'short',
          queries: [
            { expr: 'meseta_registry_store_ready', legend: 'ready {{instance}}' },
            { expr: rate('meseta_registry_store_errors_total', 'call'), legend: 'errors/s {{call}}' },
          ],
        },
      ],
    },
    {
      title: 'Loops, queues and streams',
      panels: [
        {
          title: "Master's turn",
          description: 'Time of one turn, without its commit.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_master_turn_seconds'),
        },
        {
          title: 'Turns',
          description: 'Turns of the loop of the leading master.',
          kind: 'lines',
          unit: 'ops',
          queries: [{ expr: rate('meseta_master_turn_seconds_count', 'instance'), legend: '{{instance}}' }],
        },
        {
          title: 'Streams of the registry',
          description: 'Streams of Observe and Watch that are open.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: 'meseta_registry_watchers', legend: '{{instance}}' }],
        },
        {
          title: 'How full queues are',
          description:
            'At 1 calls are refused and streams are ended. Of queues of which each peer has one, the longest.',
          kind: 'lines',
          unit: 'percentunit',
          queries: ofServices(
            (service) => `max by (queue) (meseta_${service}_queue_items / meseta_${service}_queue_items_max)`,
            '{{queue}}',
          ),
        },
        {
          title: 'Refused by full queues',
          description: 'Not zero: somebody does not keep up.',
          kind: 'lines',
          unit: 'ops',
          queries: ofServices(
            (service) => rate(`meseta_${service}_queue_refused_total`, 'queue'),
            '{{queue}}',
          ),
        },
        {
          title: 'Items of one message',
          description: 'The mean of each stream. It grows with load: that is how messages stay few.',
          kind: 'lines',
          unit: 'short',
          queries: ofServices(
            (service) => mean(`meseta_${service}_stream_batch_items`, 'stream'),
            '{{stream}}',
            services.filter((service) => service !== 'registry'),
          ),
        },
        {
          title: 'gRPC messages served',
          description: 'Both ways, by service.',
          kind: 'lines',
          unit: 'ops',
          queries: ofServices(
            (service) => rate(`meseta_${service}_grpc_messages_total`, 'direction'),
            '{{direction}}',
          ),
        },
        {
          title: 'gRPC bytes served',
          description: 'Both ways, by service.',
          kind: 'lines',
          unit: 'Bps',
          queries: ofServices(
            (service) => rate(`meseta_${service}_grpc_bytes_total`, 'direction'),
            '{{direction}}',
          ),
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          title: 'Event-loop lag',
          description:
            'The 99th percentile since the last scrape. Near the time of the lease leadership is lost.',
          kind: 'lines',
          unit: 's',
          queries: [
            {
              expr: ofProcesses('nodejs_eventloop_lag_p99_seconds', 'control plane'),
              legend: '{{job}} {{instance}}',
            },
          ],
        },
        {
          title: 'Memory',
          description: 'Resident memory.',
          kind: 'lines',
          unit: 'bytes',
          queries: [
            {
              expr: ofProcesses('process_resident_memory_bytes', 'control plane'),
              legend: '{{job}} {{instance}}',
            },
          ],
        },
        {
          title: 'Processor',
          description: 'A loop has one thread: near 1 it is the bound.',
          kind: 'lines',
          unit: 'percentunit',
          queries: [
            {
              expr: ofProcesses('rate(process_cpu_seconds_total[$__rate_interval])', 'control plane'),
              legend: '{{job}} {{instance}}',
            },
          ],
        },
        {
          title: 'Heap used',
          description: 'A line that only rises over days is a leak.',
          kind: 'lines',
          unit: 'bytes',
          queries: [
            {
              expr: ofProcesses('nodejs_heap_size_used_bytes', 'control plane'),
              legend: '{{job}} {{instance}}',
            },
          ],
        },
        {
          title: 'Garbage collection',
          description: 'The part of the time that it takes.',
          kind: 'lines',
          unit: 'percentunit',
          queries: [
            {
              expr: `sum by (job, instance) (${ofProcesses('rate(nodejs_gc_duration_seconds_sum[$__rate_interval])', 'control plane')})`,
              legend: '{{job}} {{instance}}',
            },
          ],
        },
      ],
    },
  ],
};

function ofServices(
  exprOf: (service: string) => string,
  legend: string,
  among: readonly string[] = services,
): readonly Query[] {
  return among.map((service) => ({ expr: exprOf(service), legend: `${service} ${legend}` }));
}
