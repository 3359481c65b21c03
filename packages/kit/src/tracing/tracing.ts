import { messageOf } from './exception';
import type { TracingParts } from './otel';

/** What a span may carry. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Which side of a conversation a span is on; `internal` if it is on none. */
export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

/** How a span starts. */
export interface SpanOptions {
  /** The W3C `traceparent` of the span that caused this one; a new trace begins if unset or empty. */
  readonly parent?: string;
  readonly attributes?: Attributes;
  /** When it began, in milliseconds since the epoch; now if unset. */
  readonly startMs?: number;
  readonly kind?: SpanKind;
}

/** Something that takes time. */
export interface Span {
  /** The W3C `traceparent` to send along, so that the receiver's spans join this trace. '' when tracing is off. */
  readonly traceparent: string;
  event(name: string, attributes?: Attributes): void;
  set(attributes: Attributes): void;
  /**
   * Ends the span; if `error` is given (a `SpanError`, or whatever was caught), as failed and with an event `exception`.
   * A second call does nothing.
   */
  end(options?: { readonly error?: unknown; readonly endMs?: number }): void;
}

/** How ended spans fared on their way out of the process. */
export interface SpanCounts {
  readonly queued: number;
  readonly queuedMax: number;
  readonly sent: number;
  /** Those that did not fit in the queue. */
  readonly refused: number;
  /** Those that the collector did not take. */
  readonly failed: number;
}

/** The tracing of one process. */
export interface Tracing {
  readonly enabled: boolean;
  readonly spans: SpanCounts;
  start(name: string, options?: SpanOptions): Span;
  /** Sends what was not sent yet. Rejects never: a collector that is away must not stop a shutdown. */
  shutdown(): Promise<void>;
}

/** Something failed and is tried again. */
export interface Retry {
  /** The attempt that comes: 2 after the first failure. */
  readonly attempt: number;
  /** How long is waited before it, in milliseconds. */
  readonly delayMs: number;
  /** What failed. */
  readonly error: unknown;
}

/** Puts a retry on a span, as its event `retry`. */
export function retryEvent(span: Span, retry: Retry): void {
  span.event('retry', {
    'retry.attempt': retry.attempt,
    'retry.delay_ms': retry.delayMs,
    'retry.cause': messageOf(retry.error),
  });
}

const noSpan: Span = Object.freeze({ traceparent: '', event() {}, set() {}, end() {} });

/** Tracing that does nothing and costs nothing. */
export const noTracing: Tracing = Object.freeze({
  enabled: false,
  spans: Object.freeze({ queued: 0, queuedMax: 0, sent: 0, refused: 0, failed: 0 }),
  start: () => noSpan,
  shutdown: () => Promise.resolve(),
});

/**
 * Starts tracing if OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) is set; else returns one that
 * does nothing, without loading the SDK. Spans go out as OTLP over HTTP (protobuf), or as OTEL_EXPORTER_OTLP_PROTOCOL says; OTEL_TRACES_SAMPLER and
 * OTEL_TRACES_SAMPLER_ARG choose the sampler, by default everything whose parent is sampled.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function startTracing(
  service: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Tracing {
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (endpoint === undefined || endpoint === '' || env['OTEL_SDK_DISABLED'] === 'true') return noTracing;
  // Required here and not above, because the SDK takes tens of megabytes and hundreds of milliseconds to load.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const parts = require('./otel') as TracingParts;
  return parts.startOpenTelemetry(service);
}
