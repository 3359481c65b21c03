import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** The metrics of one service: every series it has is made here, once, with its help text. */
export interface Metrics {
  readonly registry: Registry;
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
  /** Calls `fn` before each scrape, to set the gauges that are read from a state. */
  readonly onCollect: (fn: () => void) => void;
}

/** From half a millisecond to a minute: an offer's way takes milliseconds, a Docker pull takes many seconds. */
export const latencyBucketsSeconds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Creates the registry of one service, with the process's own series (cpu, memory, event-loop lag) already in it. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  const prefix = `meseta_${service.replaceAll('-', '_')}_`;
  collectDefaultMetrics({ register: registry });
  const common = { registers: [registry] };
  const collectors: (() => void)[] = [];
  const render = registry.metrics.bind(registry);
  registry.metrics = () => {
    for (const collect of collectors) collect();
    return render();
  };
  return {
    onCollect: (fn) => void collectors.push(fn),
    registry,
    counter: (name, help, labels = []) =>
      new Counter({ ...common, name: prefix + name, help, labelNames: [...labels] }),
    gauge: (name, help, labels = []) =>
      new Gauge({ ...common, name: prefix + name, help, labelNames: [...labels] }),
    histogram: (name, help, labels = [], buckets = latencyBucketsSeconds) =>
      new Histogram({ ...common, name: prefix + name, help, labelNames: [...labels], buckets: [...buckets] }),
  };
}
