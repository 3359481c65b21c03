import { performance } from 'node:perf_hooks';
import {
  SpanKind as OtelSpanKind,
  SpanStatusCode,
  TraceFlags,
  type HrTime,
  type SpanContext,
  type SpanStatus,
} from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { exceptionOf, messageOf } from './exception';
import type { Attributes, Span, SpanKind, SpanOptions } from './tracing';

/** Our words for the kinds of spans, in OpenTelemetry's. */
export const kinds: Readonly<Record<SpanKind, OtelSpanKind>> = {
  internal: OtelSpanKind.INTERNAL,
  server: OtelSpanKind.SERVER,
  client: OtelSpanKind.CLIENT,
  producer: OtelSpanKind.PRODUCER,
  consumer: OtelSpanKind.CONSUMER,
};

/** What all spans of a process share. */
export interface SpanHome extends Pick<ReadableSpan, 'resource' | 'instrumentationScope'> {
  /** Eight bytes in hexadecimal, not all of them zero. */
  newSpanId(): string;
  ended(span: ReadableSpan): void;
}

const none: readonly never[] = [];

/**
 * A span below a sampled parent, as the SDK's exporters read one. The SDK's own span costs several times as much, since it
 * asks a sampler, checks every attribute and knows limits; here the parent has decided, and the compiler has checked.
 */
export class RecordedSpan implements Span, ReadableSpan {
  readonly traceparent: string;
  readonly kind: OtelSpanKind;
  readonly startTime: HrTime;
  readonly links: ReadableSpan['links'] = none as unknown as ReadableSpan['links'];
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly resource: ReadableSpan['resource'];
  readonly instrumentationScope: ReadableSpan['instrumentationScope'];
  attributes: Attributes;
  events: ReadableSpan['events'] = none as unknown as ReadableSpan['events'];
  status: SpanStatus = unset;
  endTime: HrTime;
  ended = false;
  readonly #home: SpanHome;
  readonly #context: SpanContext;
  readonly #startMs: number;
  /** Of the monotonic clock; undefined if the start was told, and so may be of another machine's clock. */
  readonly #startedAt: number | undefined;

  constructor(
    readonly name: string,
    readonly parentSpanContext: SpanContext,
    options: SpanOptions,
    home: SpanHome,
  ) {
    const { traceId } = parentSpanContext;
    const spanId = home.newSpanId();
    this.traceparent = `00-${traceId}-${spanId}-01`;
    this.#context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
    this.kind = options.kind === undefined ? OtelSpanKind.INTERNAL : kinds[options.kind];
    this.attributes = options.attributes ?? noAttributes;
    this.#startMs = options.startMs ?? Date.now();
    this.#startedAt = options.startMs === undefined ? performance.now() : undefined;
    this.startTime = hrTime(this.#startMs);
    this.endTime = this.startTime;
    this.resource = home.resource;
    this.instrumentationScope = home.instrumentationScope;
    this.#home = home;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  get duration(): HrTime {
    const nanos = (this.endTime[0] - this.startTime[0]) * 1e9 + this.endTime[1] - this.startTime[1];
    return [Math.trunc(nanos / 1e9), nanos % 1e9];
  }

  event(name: string, attributes: Attributes = noAttributes): void {
    if (this.ended) return;
    if (this.events.length === 0) this.events = [];
    this.events.push({ name, attributes: { ...attributes }, time: hrTime(this.#nowMs()) });
  }

  set(attributes: Attributes): void {
    if (!this.ended) this.attributes = { ...this.attributes, ...attributes };
  }

  end(options: Parameters<Span['end']>[0] = {}): void {
    if (this.ended) return;
    if (options.error !== undefined) {
      this.status = { code: SpanStatusCode.ERROR, message: messageOf(options.error) };
      this.event('exception', exceptionOf(options.error));
    }
    this.endTime = hrTime(Math.max(this.#startMs, options.endMs ?? this.#nowMs()));
    this.ended = true;
    this.#home.ended(this);
  }

  #nowMs(): number {
    return this.#startedAt === undefined ? Date.now() : this.#startMs + (performance.now() - this.#startedAt);
  }
}

const unset: SpanStatus = { code: SpanStatusCode.UNSET };
const noAttributes: Attributes = {};

function hrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
