import { Counter, Gauge, Histogram } from 'prom-client';
import { ServiceRegistry, type Collect } from './metrics/service-registry';
import { parseTraceparent } from './tracing/traceparent';

/** The metrics of one service: every series it has is made here, once, with its help text. */
export interface Metrics {
  readonly registry: ServiceRegistry;
  /** A series that only grows, named `meseta_<service>_<name>`; the name ends in `_total`. */
  counter<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
  ): Counter<Label>;
  /** A series that goes up and down. */
  gauge<Label extends string = never>(name: string, help: string, labels?: readonly Label[]): Gauge<Label>;
  /** A distribution; the name ends in its unit, as `_seconds`. Buckets default to `latencyBucketsSeconds`. */
  histogram<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    buckets?: readonly number[],
  ): Histogram<Label>;
  /** A distribution of seconds of which each bucket remembers the trace of its last value. */
  tracedHistogram<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
  ): TracedHistogram<Label>;
  /** Calls `fn` before each scrape, and waits for it, to set the series that are read from a state. */
  readonly onCollect: (fn: Collect) => void;
}

/** A histogram with exemplars. */
export interface TracedHistogram<Label extends string> {
  /** Counts a value. `traceparent` is the trace that it came from; '' or one that is not sampled leaves no exemplar. */
  observe(labels: Readonly<Partial<Record<Label, string>>>, seconds: number, traceparent: string): void;
}

/** From half a millisecond to a minute: an offer's way takes milliseconds, a Docker pull takes many seconds. */
export const latencyBucketsSeconds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Creates the registry of one service. The series of its process are added when it is served. */
export function createMetrics(service: string): Metrics {
  const registry = new ServiceRegistry();
  const prefix = `meseta_${service.replaceAll('-', '_')}_`;
  const common = { registers: [registry] };
  return {
    onCollect: (fn) => registry.onCollect(fn),
    registry,
    counter: (name, help, labels = []) =>
      new Counter({ ...common, name: prefix + name, help, labelNames: [...labels] }),
    gauge: (name, help, labels = []) =>
      new Gauge({ ...common, name: prefix + name, help, labelNames: [...labels] }),
    histogram: (name, help, labels = [], buckets = latencyBucketsSeconds) =>
      new Histogram({ ...common, name: prefix + name, help, labelNames: [...labels], buckets: [...buckets] }),
    tracedHistogram: (name, help, labels = []) =>
      createTracedHistogram(registry, prefix + name, help, labels),
  };
}

function createTracedHistogram<Label extends string>(
  registry: ServiceRegistry,
  name: string,
  help: string,
  labelNames: readonly Label[],
): TracedHistogram<Label> {
  const histogram = new Histogram<string>({
    name,
    help,
    labelNames: [...labelNames],
    buckets: [...latencyBucketsSeconds],
    enableExemplars: true,
    // The library lets only a registry that always answers OpenMetrics hold exemplars; ours answers both, and leaves
    // them out of the plain text.
    registers: [],
  });
  registry.registerMetric(histogram);
  return {
    observe: (labels, value, traceparent) => {
      const trace = parseTraceparent(traceparent);
      const sampled = trace !== undefined && (trace.traceFlags & 1) === 1;
      histogram.observe({
        labels: { ...labels },
        value,
        ...(sampled ? { exemplarLabels: { trace_id: trace.traceId, span_id: trace.spanId } } : {}),
      });
    },
  };
}
