import {
  boundedLabel,
  createMetrics,
  createQueueSeries,
  createSpanSeries,
  createStreamSeries,
} from '@meseta/kit';
import type { IgnoredKind } from './state/effect';
import type { AgentMembership, FrameworkMembership } from './state/state';

/** Names of resources that are labels: cpus, mem, disk, ports, gpus and some that agents invent; the rest count as "other". */
export const resourceLabelsMax = 32;

export const agentStates: readonly AgentMembership[] = ['active', 'disconnected', 'recovered', 'unreachable'];
export const frameworkStates: readonly FrameworkMembership[] = ['active', 'disconnected', 'recovered'];
const dropReasons = ['stale', 'unfit', 'gone'] as const;
const ignoredKinds: readonly IgnoredKind[] = [
  'acknowledgement',
  'statusUpdate',
  'kill',
  'pong',
  'operationUpdate',
  'operationAcknowledgement',
  'message',
  'shutdown',
  'executorEnded',
];
/** How an offer ends, as a label. */
export const offerOutcomes = ['accepted', 'declined', 'rescinded', 'expired'] as const;

/** Every series of the master. Labels are states, stages, outcomes, and a bounded number of names of resources. */
export function createMasterMetrics() {
  const metrics = createMetrics('master');
  const queues = createQueueSeries(metrics);
  const made = {
    queues,
    streams: createStreamSeries(metrics, queues),
    spans: createSpanSeries(metrics, queues),
    resourceLabel: boundedLabel(resourceLabelsMax),
    registry: metrics.registry,
    onCollect: metrics.onCollect,
    elected: metrics.gauge('elected', '1 while this master leads, else 0.'),
    term: metrics.gauge('term', 'Term of this master while it leads; 0 else.'),
    elections: metrics.counter('elections_total', 'Times that this master was elected.'),
    agents: metrics.gauge('agents', 'Agents by where they stand.', ['state']),
    agentRemovalsDelayed: metrics.counter(
      'agent_removals_delayed_total',
      'Times that an agent that does not answer waited because of --agent-removal-rate-limit.',
    ),
    frameworks: metrics.gauge('frameworks', 'Frameworks by where they stand.', ['state']),
    tasks: metrics.gauge('tasks', 'Tasks not yet completed, by state.', ['state']),
    tasksTotal: metrics.counter('task_states_total', 'Task state transitions, by the state entered.', [
      'state',
    ]),
    offers: metrics.counter('offers_total', 'Offers by how they ended.', ['outcome']),
    offersSent: metrics.counter('offers_sent_total', 'Offers sent to frameworks.'),
    offersOutstanding: metrics.gauge('offers_outstanding', 'Offers that wait for a decision.'),
    oldestOfferSeconds: metrics.gauge(
      'offer_oldest_seconds',
      'Age of the oldest offer that waits for a decision; 0 if none does.',
    ),
    resources: metrics.gauge(
      'resources',
      'Resources of registered agents by name and by kind (total, used by tasks, offered); ranges and sets count their members.',
      ['resource', 'kind'],
    ),
    offerDecisionSeconds: metrics.tracedHistogram(
      'offer_decision_seconds',
      "From an offer sent to the framework's decision.",
    ),
    taskLaunchSeconds: metrics.tracedHistogram(
      'task_launch_seconds',
      'From the moment resources were allocated to a stage of the launch.',
      ['stage'],
    ),
    statusUpdates: metrics.counter(
      'status_updates_total',
      'Status updates forwarded to frameworks, by state.',
      ['state'],
    ),
    operations: metrics.counter(
      'operations_total',
      'Operations on resources that entered a state, by type; OPERATION_DROPPED are those that were refused.',
      ['type', 'state'],
    ),
    proposalsDropped: metrics.counter(
      'proposals_dropped_total',
      'Proposals of the allocator that did not become offers, by why.',
      ['why'],
    ),
    ignored: metrics.counter('messages_ignored_total', 'Messages that referred to nothing known, by kind.', [
      'kind',
    ]),
    turnSeconds: metrics.histogram(
      'turn_seconds',
      'Time of one turn of the loop, without its commit.',
      [],
      [0.00005, 0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2],
    ),
    commitSeconds: metrics.histogram(
      'commit_seconds',
      'Time from asking the registry for a commit to its answer.',
    ),
    commitFailures: metrics.counter(
      'commit_failures_total',
      'Commits that the registry refused or did not answer; each ends a term.',
    ),
    allocatorConnected: metrics.gauge('allocator_connected', '1 while an allocator is connected, else 0.'),
  };
  // A series that is there from the start has a rate from its first event on.
  for (const outcome of offerOutcomes) made.offers.inc({ outcome }, 0);
  for (const why of dropReasons) made.proposalsDropped.inc({ why }, 0);
  for (const kind of ignoredKinds) made.ignored.inc({ kind }, 0);
  made.allocatorConnected.set(0);
  return made;
}

export type MasterMetrics = ReturnType<typeof createMasterMetrics>;
