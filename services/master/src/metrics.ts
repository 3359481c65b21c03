import { createMetrics } from '@meseta/kit';

/** Every series of the master. Labels are states, stages and outcomes only: their number is bounded. */
export function createMasterMetrics() {
  const metrics = createMetrics('master');
  return {
    registry: metrics.registry,
    onCollect: metrics.onCollect,
    elected: metrics.gauge('elected', '1 while this master leads, else 0.'),
    term: metrics.gauge('term', 'Term of this master while it leads; 0 else.'),
    elections: metrics.counter('elections_total', 'Times that this master was elected.'),
    agents: metrics.gauge('agents', 'Agents by where they stand.', ['state']),
    frameworks: metrics.gauge('frameworks', 'Frameworks by where they stand.', ['state']),
    tasks: metrics.gauge('tasks', 'Tasks not yet completed, by state.', ['state']),
    tasksTotal: metrics.counter('task_states_total', 'Task state transitions, by the state entered.', [
      'state',
    ]),
    offers: metrics.counter('offers_total', 'Offers by how they ended.', ['outcome']),
    offersSent: metrics.counter('offers_sent_total', 'Offers sent to frameworks.'),
    offersOutstanding: metrics.gauge('offers_outstanding', 'Offers that wait for a decision.'),
    offerDecisionSeconds: metrics.histogram(
      'offer_decision_seconds',
      "From an offer sent to the framework's decision.",
    ),
    taskLaunchSeconds: metrics.histogram(
      'task_launch_seconds',
      'From the moment resources were allocated to a stage of the launch.',
      ['stage'],
    ),
    statusUpdates: metrics.counter(
      'status_updates_total',
      'Status updates forwarded to frameworks, by state.',
      ['state'],
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
    commandsQueued: metrics.gauge('commands_queued', 'Commands that wait for the next turn.'),
    commandsRefused: metrics.counter(
      'commands_refused_total',
      'Commands refused because the queue was full.',
    ),
    frameworkEventsQueued: metrics.gauge(
      'framework_events_queued',
      'Events that wait for frameworks to read them.',
    ),
    allocatorConnected: metrics.gauge('allocator_connected', '1 while an allocator is connected, else 0.'),
  };
}

export type MasterMetrics = ReturnType<typeof createMasterMetrics>;
