import { quantiles, rate, type DashboardSpec } from '../spec';

/** The first look: is it well, how much runs, how full is it. */
export const cluster: DashboardSpec = {
  name: 'cluster',
  title: 'Cluster',
  description: 'Is the cluster well, what runs, how full is it, and how fast does a task start?',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          title: 'Leading masters',
          description:
            'One. None: nothing is offered; see Control plane. Two for more than a moment: see the alert.',
          kind: 'stat',
          unit: 'short',
          queries: [{ expr: 'sum(meseta_master_elected)', legend: 'leaders' }],
        },
        {
          title: 'Agents active',
          description: 'Agents that are registered and connected.',
          kind: 'stat',
          unit: 'short',
          queries: [{ expr: 'sum(meseta_master_agents{state="active"})', legend: 'active' }],
        },
        {
          title: 'Agents unreachable',
          description: 'Agents that have not answered for longer than they may. `meseta agents` names them.',
          kind: 'stat',
          unit: 'short',
          queries: [{ expr: 'sum(meseta_master_agents{state="unreachable"})', legend: 'unreachable' }],
        },
        {
          title: 'Frameworks active',
          description: 'Frameworks that are subscribed.',
          kind: 'stat',
          unit: 'short',
          queries: [{ expr: 'sum(meseta_master_frameworks{state="active"})', legend: 'active' }],
        },
        {
          title: 'Tasks running',
          description: 'Tasks that run now.',
          kind: 'stat',
          unit: 'short',
          queries: [
            { expr: 'sum(meseta_master_tasks{state="TASK_RUNNING"}) or vector(0)', legend: 'running' },
          ],
        },
        {
          title: 'Offers outstanding',
          description: 'Offers that wait for a decision.',
          kind: 'stat',
          unit: 'short',
          queries: [{ expr: 'sum(meseta_master_offers_outstanding)', legend: 'offers' }],
        },
      ],
    },
    {
      title: 'Work',
      panels: [
        {
          title: 'Tasks by state',
          description: 'Tasks that are not yet completed. Many in STAGING or STARTING: see Agents.',
          kind: 'stacked',
          unit: 'short',
          queries: [{ expr: 'sum by (state) (meseta_master_tasks)', legend: '{{state}}' }],
        },
        {
          title: 'Task states entered',
          description:
            'How often tasks enter each state. FAILED and LOST beside FINISHED show trouble of the tasks.',
          kind: 'lines',
          unit: 'ops',
          queries: [{ expr: rate('meseta_master_task_states_total', 'state'), legend: '{{state}}' }],
        },
        {
          title: 'Launch, from the allocation to each stage',
          description:
            'The stage at which the time grows is the one to look at: offer, accept (the framework), agent, container, running.',
          kind: 'lines',
          unit: 's',
          queries: quantiles('meseta_master_task_launch_seconds', ['stage'], true),
        },
      ],
    },
    {
      title: 'Resources',
      panels: [
        {
          title: 'Used',
          description: 'The part of each resource that tasks hold.',
          kind: 'lines',
          unit: 'percentunit',
          queries: [
            {
              expr: 'sum by (resource) (meseta_master_resources{kind="used"}) / sum by (resource) (meseta_master_resources{kind="total"})',
              legend: '{{resource}}',
            },
          ],
        },
        {
          title: 'Processors',
          description:
            'Total, used by tasks, and held by offers. Much offered and little used: frameworks keep offers.',
          kind: 'lines',
          unit: 'short',
          queries: [{ expr: 'sum by (kind) (meseta_master_resources{resource="cpus"})', legend: '{{kind}}' }],
        },
        {
          title: 'Memory',
          description: 'Total, used by tasks, and held by offers.',
          kind: 'lines',
          unit: 'decmbytes',
          queries: [{ expr: 'sum by (kind) (meseta_master_resources{resource="mem"})', legend: '{{kind}}' }],
        },
        {
          title: 'Agents by state',
          description: 'A step down together points at a network or a rack.',
          kind: 'stacked',
          unit: 'short',
          queries: [{ expr: 'sum by (state) (meseta_master_agents)', legend: '{{state}}' }],
        },
        {
          title: 'Agents that wait to be given up',
          description:
            'Times that an agent that does not answer waited because others were given up a moment before (--agent-removal-rate-limit).',
          kind: 'lines',
          unit: 'short',
          queries: [
            { expr: 'sum(increase(meseta_master_agent_removals_delayed_total[5m]))', legend: 'waited' },
          ],
        },
        {
          title: 'Containers',
          description: 'Containers that run, by runtime.',
          kind: 'stacked',
          unit: 'short',
          queries: [{ expr: 'sum by (runtime) (meseta_agent_containers)', legend: '{{runtime}}' }],
        },
        {
          title: 'Status updates forwarded',
          description: 'Status updates that went to frameworks, by state.',
          kind: 'lines',
          unit: 'ops',
          queries: [{ expr: rate('meseta_master_status_updates_total', 'state'), legend: '{{state}}' }],
        },
      ],
    },
  ],
};
