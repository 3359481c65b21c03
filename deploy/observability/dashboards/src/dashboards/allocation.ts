import { quantiles, rate, type DashboardSpec } from '../spec';

/** Who gets what, and how the allocator works. */
export const allocation: DashboardSpec = {
  name: 'allocation',
  title: 'Allocation and fairness',
  description: 'Does every role get its share, what becomes of offers, and does the allocator keep up?',
  rows: [
    {
      title: 'Fairness',
      panels: [
        {
          title: 'Dominant share by role',
          description:
            'The largest part of any one resource that a role holds. Roles that want more should be near each other, by weight.',
          kind: 'lines',
          unit: 'percentunit',
          queries: [{ expr: 'max by (role) (meseta_allocator_dominant_share)', legend: '{{role}}' }],
        },
        {
          title: 'Offers by outcome',
          description:
            'Mostly declined: frameworks do not want what there is; `meseta explain` and filters help. Rescinded and expired should be rare.',
          kind: 'stacked',
          unit: 'ops',
          queries: [{ expr: rate('meseta_master_offers_total', 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Time to a decision',
          description:
            'From an offer sent until its framework accepts or declines. Until then nobody else gets the resources.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_master_offer_decision_seconds', [], true),
        },
        {
          title: 'Offers that wait',
          description: 'Offers sent and not decided.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: 'sum(meseta_master_offers_outstanding)', legend: 'outstanding' }],
        },
        {
          title: 'Oldest offer',
          description: 'Minutes mean that a framework keeps an offer; --offer-timeout takes it back.',
          kind: 'lines',
          unit: 's',
          queries: [{ expr: 'max(meseta_master_offer_oldest_seconds)', legend: 'age' }],
        },
        {
          title: 'Filters that hold',
          description: 'Refusals of frameworks that have not ended: where one holds, no offer is made.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: 'sum(meseta_allocator_offer_filters_active)', legend: 'filters' }],
        },
      ],
    },
    {
      title: 'The allocator',
      panels: [
        {
          title: 'Turn',
          description: 'Time of one turn. Hundreds of milliseconds delay every offer.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_allocator_turn_seconds'),
        },
        {
          title: 'Turns',
          description: 'Turns per second, of all allocators.',
          kind: 'lines',
          unit: 'ops',
          queries: [
            { expr: rate('meseta_allocator_turn_seconds_count', 'instance'), legend: '{{instance}}' },
          ],
        },
        {
          title: 'Changes and proposals',
          description: 'What the master told, what the allocator proposed, and what became offers.',
          kind: 'lines',
          unit: 'ops',
          queries: [
            { expr: 'sum(rate(meseta_allocator_changes_total[$__rate_interval]))', legend: 'changes' },
            { expr: 'sum(rate(meseta_allocator_proposals_total[$__rate_interval]))', legend: 'proposals' },
            { expr: 'sum(rate(meseta_master_offers_sent_total[$__rate_interval]))', legend: 'offers' },
          ],
        },
        {
          title: 'Proposals dropped',
          description:
            'Proposals that did not fit the ledger of the master: stale by a moment, or for a framework or agent that is gone. A steady stream is a fault.',
          kind: 'lines',
          unit: 'ops',
          queries: [{ expr: rate('meseta_master_proposals_dropped_total', 'why'), legend: '{{why}}' }],
        },
        {
          title: 'What the allocator knows',
          description: 'Should be what the master knows.',
          kind: 'lines',
          unit: 'short',
          queries: [
            { expr: 'sum(meseta_allocator_agents)', legend: 'agents' },
            { expr: 'sum(meseta_allocator_frameworks)', legend: 'frameworks' },
          ],
        },
        {
          title: 'Term served, and connected',
          description:
            'The allocator serves the term of the leading master; the master says whether it is connected.',
          kind: 'lines',
          unit: 'short',
          queries: [
            { expr: 'max(meseta_allocator_term)', legend: 'term of the allocator' },
            { expr: 'max(meseta_master_allocator_connected)', legend: 'connected' },
          ],
        },
      ],
    },
  ],
};
