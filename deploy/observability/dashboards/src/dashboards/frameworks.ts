import { mean, quantiles, rate, type DashboardSpec } from '../spec';

/** What frameworks do, and whether they listen. */
export const frameworks: DashboardSpec = {
  name: 'frameworks',
  title: 'Frameworks',
  description:
    'Are frameworks there, do they decide and listen, and how do their tasks fare? Ids are not labels: `meseta frameworks` names them.',
  rows: [
    {
      title: 'Presence and decisions',
      panels: [
        {
          title: 'Frameworks by state',
          description: 'Disconnected ones lose their tasks when their failover timeout is over.',
          kind: 'stacked',
          unit: 'short',
          queries: [{ expr: 'sum by (state) (meseta_master_frameworks)', legend: '{{state}}' }],
        },
        {
          title: 'Decisions',
          description: 'Offers accepted and declined.',
          kind: 'stacked',
          unit: 'ops',
          queries: [
            {
              expr: 'sum by (outcome) (rate(meseta_master_offers_total{outcome=~"accepted|declined"}[$__rate_interval]))',
              legend: '{{outcome}}',
            },
          ],
        },
        {
          title: 'Time to a decision',
          description: 'How long frameworks think.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_master_offer_decision_seconds', [], true),
        },
      ],
    },
    {
      title: 'Tasks',
      panels: [
        {
          title: 'Launches',
          description: 'Tasks launched per second.',
          kind: 'lines',
          unit: 'ops',
          queries: [
            {
              expr: 'sum(rate(meseta_master_task_states_total{state="TASK_STAGING"}[$__rate_interval]))',
              legend: 'launched',
            },
          ],
        },
        {
          title: 'Ends',
          description: 'How tasks end.',
          kind: 'stacked',
          unit: 'ops',
          queries: [
            {
              expr: 'sum by (state) (rate(meseta_master_task_states_total{state!~"TASK_(STAGING|STARTING|RUNNING|KILLING)"}[$__rate_interval]))',
              legend: '{{state}}',
            },
          ],
        },
        {
          title: 'Status updates forwarded',
          description: 'By state.',
          kind: 'lines',
          unit: 'ops',
          queries: [{ expr: rate('meseta_master_status_updates_total', 'state'), legend: '{{state}}' }],
        },
        {
          title: 'Messages that referred to nothing',
          description:
            'Acknowledgements, updates and kills for what is not known any more. Some after a failover are normal.',
          kind: 'lines',
          unit: 'ops',
          queries: [{ expr: rate('meseta_master_messages_ignored_total', 'kind'), legend: '{{kind}}' }],
        },
      ],
    },
    {
      title: 'Event streams',
      panels: [
        {
          title: 'Longest queue of events',
          description:
            'Events that wait for the framework that reads slowest. At the bound its stream is ended.',
          kind: 'lines',
          unit: 'short',
          queries: [
            { expr: 'max(meseta_master_queue_items{queue="framework_events"})', legend: 'events' },
            { expr: 'max(meseta_master_queue_items_max{queue="framework_events"})', legend: 'bound' },
          ],
        },
        {
          title: 'Events of one message',
          description: 'The mean. It grows with load: that is how messages stay few.',
          kind: 'lines',
          unit: 'short',
          queries: [
            {
              expr: mean('meseta_master_stream_batch_items', 'stream', '{stream="framework_events"}'),
              legend: 'events',
            },
          ],
        },
        {
          title: 'Bytes of the framework API',
          description: 'Encoded bytes of calls and events.',
          kind: 'lines',
          unit: 'Bps',
          queries: [
            {
              expr: 'sum by (direction) (rate(meseta_master_grpc_bytes_total{method=~"/meseta.v1.SchedulerService/.*"}[$__rate_interval]))',
              legend: '{{direction}}',
            },
          ],
        },
      ],
    },
  ],
};
