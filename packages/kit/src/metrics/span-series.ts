import type { Metrics } from '../metrics';
import type { Tracing } from '../tracing/tracing';
import type { QueueSeries } from './queue-series';

/** The series of a service's spans on their way to the collector. */
export interface SpanSeries {
  /** Nothing is shown of a process that does not trace. */
  watch(tracing: Tracing): void;
}

/** Makes the series `spans_total`, and names the queue `spans`. */
export function createSpanSeries(metrics: Metrics, queues: QueueSeries): SpanSeries {
  const spans = metrics.counter(
    'spans_total',
    'Spans that were sent to the collector (`sent`), or that it did not take (`failed`).',
    ['outcome'],
  );
  return {
    watch: ({ enabled, spans: counts }) => {
      if (!enabled) return;
      queues.watch('spans', counts.queuedMax, () => counts.queued);
      const told = { sent: 0, failed: 0, refused: 0 };
      const since = (what: keyof typeof told): number => {
        const more = counts[what] - told[what];
        told[what] = counts[what];
        return more;
      };
      metrics.onCollect(() => {
        spans.inc({ outcome: 'sent' }, since('sent'));
        spans.inc({ outcome: 'failed' }, since('failed'));
        queues.refused('spans', since('refused'));
      });
    },
  };
}
