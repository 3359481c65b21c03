import { boundedLabel, createMetrics, createQueueSeries, createStreamSeries } from '@meseta/kit';

/** Elections that have series of their own; whoever campaigns names them. The rest count as "other". */
export const electionLabelsMax = 16;

/** Every series of the registry. */
export function createRegistryMetrics() {
  const metrics = createMetrics('registry');
  const queues = createQueueSeries(metrics);
  return {
    queues,
    streams: createStreamSeries(metrics, queues),
    electionLabel: boundedLabel(electionLabelsMax),
    registry: metrics.registry,
    onCollect: (fn: () => void): void => metrics.onCollect(fn),
    commitSeconds: metrics.histogram('commit_seconds', 'From the arrival of a commit to its answer.', [
      'outcome',
    ]),
    batchWrites: metrics.histogram(
      'commit_batch_writes',
      'Writes of one transaction of the store.',
      [],
      [1, 2, 4, 8, 16, 32, 64, 127],
    ),
    batchCallers: metrics.histogram(
      'commit_batch_callers',
      'Commits that were done with one transaction of the store.',
      [],
      [0, 1, 2, 4, 8, 16, 32, 64, 127],
    ),
    campaigns: metrics.gauge('campaigns', 'Campaigns at this instance.', ['state']),
    leaderships: metrics.counter('leaderships_total', 'What became of leaderships at this instance.', [
      'election',
      'event',
    ]),
    watchers: metrics.gauge('watchers', 'Streams of Observe and Watch at this instance.'),
    storeSeconds: metrics.histogram('store_call_seconds', 'One attempt of a call to the store.', ['call']),
    storeErrors: metrics.counter('store_errors_total', 'Attempts that the store did not answer.', ['call']),
    storeReady: metrics.gauge('store_ready', '1 if the store answered when it was last asked.'),
  };
}

export type RegistryMetrics = ReturnType<typeof createRegistryMetrics>;
