import {
  ROOT_CONTEXT,
  SpanKind as OtelSpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span as OtelSpan,
} from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { version } from '../version';
import { parseTraceparent, printTraceparent } from './traceparent';
import type { Span, SpanKind, SpanOptions, Tracing } from './tracing';

/** What `tracing.ts` requires of this module when tracing is on. */
export interface TracingParts {
  startOpenTelemetry(service: string): Tracing;
}

const kinds: Readonly<Record<SpanKind, OtelSpanKind>> = {
  internal: OtelSpanKind.INTERNAL,
  server: OtelSpanKind.SERVER,
  client: OtelSpanKind.CLIENT,
  producer: OtelSpanKind.PRODUCER,
  consumer: OtelSpanKind.CONSUMER,
};

/** Starts the OpenTelemetry SDK for traces alone; metrics are Prometheus's and logs are pino's. */
export function startOpenTelemetry(service: string): Tracing {
  const sdk = new NodeSDK({
    serviceName: service,
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
  sdk.start();
  const tracer = trace.getTracer('meseta', version);
  // A parent-based sampler records nothing below a parent that was not sampled: then there is nothing to ask it.
  const followsParent = (process.env['OTEL_TRACES_SAMPLER'] ?? 'parentbased').startsWith('parentbased');
  return {
    enabled: true,
    start(name: string, options: SpanOptions = {}): Span {
      if (followsParent && options.parent?.endsWith('-00') === true) return unsampled(options.parent);
      const span = tracer.startSpan(
        name,
        {
          kind: kinds[options.kind ?? 'internal'],
          ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
          ...(options.startMs === undefined ? {} : { startTime: options.startMs }),
        },
        contextOf(options.parent),
      );
      return wrap(span);
    },
    shutdown: () => sdk.shutdown().catch(() => undefined),
  };
}

/** Stands for a span that nobody records; its children carry on the same trace, unsampled. */
function unsampled(traceparent: string): Span {
  return { traceparent, event: () => undefined, set: () => undefined, end: () => undefined };
}

function contextOf(parent: string | undefined): Context {
  const spanContext = parseTraceparent(parent);
  return spanContext === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

function wrap(span: OtelSpan): Span {
  return {
    traceparent: printTraceparent(span.spanContext()),
    event(name, attributes) {
      span.addEvent(name, attributes);
    },
    set(attributes) {
      span.setAttributes(attributes);
    },
    end(options = {}) {
      if (options.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: options.error });
      if (span.isRecording()) span.end(options.endMs);
    },
  };
}
