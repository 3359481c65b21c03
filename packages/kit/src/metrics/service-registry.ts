import { collectDefaultMetrics, Registry, type Metric, type OpenMetricsContentType } from 'prom-client';

/** A rendering of all series. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** Called before series are read. */
export type Collect = () => void | Promise<void>;

/** The series of one service, with what must be called before they are read, in either of Prometheus's text formats. */
export class ServiceRegistry extends Registry {
  readonly #collectors: Collect[] = [];
  #hasProcess = false;

  /** Adds the series of this process: cpu, memory, event-loop lag. They are measured from now on until the process ends. */
  addProcess(): void {
    if (this.#hasProcess) return;
    this.#hasProcess = true;
    collectDefaultMetrics({ register: this });
  }

  /** Calls `fn` before each scrape, and waits for it. */
  onCollect(fn: Collect): void {
    this.#collectors.push(fn);
  }

  override async metrics(): Promise<string> {
    await this.#collect();
    return super.metrics();
  }

  /**
   * Renders what a request accepts: OpenMetrics, which alone has exemplars, if its Accept header names it, else plain text.
   *
   * @see https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
   */
  async expose(accept = ''): Promise<Exposition> {
    if (!accept.includes('application/openmetrics-text'))
      return { contentType: this.contentType, text: await this.metrics() };
    await this.#collect();
    // The library renames counters in place when a registry turns to OpenMetrics, so it is given views of them.
    const view = new Registry<OpenMetricsContentType>();
    view.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    for (const metric of this.getMetricsAsArray() as unknown as Readable[])
      view.registerMetric(viewOf(metric) as unknown as Metric);
    return { contentType: view.contentType, text: await view.metrics() };
  }

  async #collect(): Promise<void> {
    for (const collect of this.#collectors) await collect();
  }
}

/** The part of the library's metrics that rendering reads; its types leave it out. */
interface Readable {
  readonly name: string;
  readonly type: string;
  get(): Promise<Readonly<Record<string, unknown>>>;
}

/** In OpenMetrics a counter's family has no `_total`, and its sample has. */
function viewOf(metric: Readable): Readable {
  const name = metric.type === 'counter' ? metric.name.replace(/_total$/, '') : metric.name;
  return { name, type: metric.type, get: async () => ({ ...(await metric.get()), name }) };
}
