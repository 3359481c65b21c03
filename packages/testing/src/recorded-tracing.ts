import { noTracing, type Attributes, type Span, type SpanOptions, type Tracing } from '@meseta/kit';

/** A span that a test can look at. */
export interface SpanSeen {
  readonly name: string;
  readonly parent: string;
  readonly traceparent: string;
  readonly attributes: Attributes;
  readonly events: { readonly name: string; readonly attributes: Attributes }[];
  /** What it ended with; undefined if nothing went wrong. */
  error: unknown;
  ended: boolean;
}

/** Tracing that keeps its spans, in the order in which they began. */
export class RecordedTracing implements Tracing {
  readonly enabled = true;
  readonly spans = noTracing.spans;
  readonly seen: SpanSeen[] = [];

  start(name: string, { parent = '', attributes = {} }: SpanOptions = {}): Span {
    const number = (this.seen.length + 1).toString(16).padStart(16, '0');
    const trace = parent === '' ? number.padStart(32, '0') : parent.slice(3, 35);
    const span: SpanSeen & { attributes: Attributes } = {
      name,
      parent,
      traceparent: `00-${trace}-${number}-01`,
      attributes,
      events: [],
      error: undefined,
      ended: false,
    };
    this.seen.push(span);
    return {
      traceparent: span.traceparent,
      event: (event, more = {}) => span.events.push({ name: event, attributes: more }),
      set: (more) => (span.attributes = { ...span.attributes, ...more }),
      end: ({ error } = {}) => {
        if (span.ended) return;
        span.ended = true;
        span.error = error;
      },
    };
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  /** The spans of a name. */
  named(name: string): readonly SpanSeen[] {
    return this.seen.filter((span) => span.name === name);
  }
}
