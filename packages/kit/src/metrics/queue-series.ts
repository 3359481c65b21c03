import type { Metrics } from '../metrics';

/** The series of a service's queues: how much waits, how much may, and how much was refused. */
export interface QueueSeries {
  /**
   * Names a queue, its bound, and how to read how much waits at a scrape. Where each peer has a queue of its own, that
   * is the longest of them: the bound holds for each.
   */
  watch(queue: string, itemsMax: number, depth: () => number): void;
  /** Counts what did not fit. */
  refused(queue: string, items?: number): void;
}

/** Makes the series `queue_items`, `queue_items_max` and `queue_refused_total`. */
export function createQueueSeries(metrics: Metrics): QueueSeries {
  const items = metrics.gauge(
    'queue_items',
    'What waits in a queue; of queues of which each peer has one, the longest.',
    ['queue'],
  );
  const itemsMax = metrics.gauge('queue_items_max', 'How much may wait in a queue.', ['queue']);
  const refused = metrics.counter(
    'queue_refused_total',
    'What was refused because its queue was full. Where a peer has its own queue, its stream ended with it.',
    ['queue'],
  );
  return {
    watch: (queue, max, depth) => {
      itemsMax.set({ queue }, max);
      refused.inc({ queue }, 0);
      metrics.onCollect(() => items.set({ queue }, depth()));
    },
    refused: (queue, count = 1) => refused.inc({ queue }, count),
  };
}
