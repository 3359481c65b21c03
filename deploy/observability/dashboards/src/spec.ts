/** One dashboard, before it is Grafana's. */
export interface DashboardSpec {
  /** The file's name, and the end of the uid. */
  readonly name: string;
  readonly title: string;
  /** The question that it answers. */
  readonly description: string;
  readonly rows: readonly RowSpec[];
}

/** Panels under one heading. */
export interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

/** One panel. */
export interface PanelSpec {
  readonly title: string;
  /** What is good, what is not, and where to look then. */
  readonly description: string;
  readonly kind: 'stat' | 'lines' | 'stacked';
  /** A unit of Grafana's: `short`, `s`, `bytes`, `percentunit`, `ops`. */
  readonly unit: string;
  readonly queries: readonly Query[];
}

/** A query and how its series are named. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
  /** Whether to show the traces of single values. */
  readonly exemplar?: boolean;
}

/** How many per second, over the interval that suits the width of the panel. */
export function rate(series: string, by: string): string {
  return `sum by (${by}) (rate(${series}[$__rate_interval]))`;
}

/** The median and the 99th percentile of a histogram, each by some labels. */
export function quantiles(histogram: string, by: readonly string[] = [], exemplar = false): readonly Query[] {
  const legend = by.map((label) => `{{${label}}}`).join(' ');
  return [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (${[...by, 'le'].join(', ')}) (rate(${histogram}_bucket[$__rate_interval])))`,
    legend: `p${quantile * 100} ${legend}`.trim(),
    ...(exemplar ? { exemplar } : {}),
  }));
}

/** The mean of a histogram of which sums matter more than its shape. */
export function mean(histogram: string, by: string, selector = ''): string {
  return `${rate(`${histogram}_sum${selector}`, by)} / ${rate(`${histogram}_count${selector}`, by)}`;
}

/** The four services, as their metrics name them. */
export const services = ['master', 'allocator', 'registry', 'agent'] as const;

/** A series of prom-client's own, of the control plane's processes or the agents' alone: others may be scraped as well. */
export function ofProcesses(series: string, which: 'control plane' | 'agents'): string {
  const marks =
    which === 'agents'
      ? 'meseta_agent_term'
      : '(meseta_master_term or meseta_allocator_term or meseta_registry_store_ready)';
  return `${series} and on (job, instance) ${marks}`;
}
