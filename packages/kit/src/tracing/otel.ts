import { ROOT_CONTEXT, SpanStatusCode, TraceFlags, trace, type Span as OtelSpan } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { RandomIdGenerator, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { version } from '../version';
import { exceptionOf, messageOf } from './exception';
import { createExporter } from './exporter';
import { RecordedSpan, kinds, type SpanHome } from './recorded-span';
import { SpanQueue, spanQueueOptions } from './span-queue';
import { parseTraceparent, printTraceparent } from './traceparent';
import type { Span, SpanOptions, Tracing } from './tracing';

/** What `tracing.ts` requires of this module when tracing is on. */
export interface TracingParts {
  startOpenTelemetry(service: string): Tracing;
}

/**
 * Starts the OpenTelemetry SDK for traces alone; metrics are Prometheus's and logs are pino's.
 *
 * The SDK knows the resource and asks the sampler about each new trace. Below a parent a parent-based sampler has nothing left to
 * decide: a span of an unsampled trace is nobody's, and one of a sampled trace is recorded here, for a fraction of the cost.
 */
export function startOpenTelemetry(service: string): Tracing {
  const queue = new SpanQueue(createExporter(process.env), spanQueueOptions(process.env));
  const sdk = new NodeSDK({
    serviceName: service,
    spanProcessors: [queue],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
  sdk.start();
  const tracer = trace.getTracer('meseta', version);
  const followsParent = (process.env['OTEL_TRACES_SAMPLER'] ?? 'parentbased').startsWith('parentbased');
  const home = followsParent ? homeOf(queue) : undefined;
  return {
    enabled: true,
    spans: queue,
    start(name: string, options: SpanOptions = {}): Span {
      if (home !== undefined && options.parent?.endsWith('-00') === true) return unsampled(options.parent);
      const parent = parseTraceparent(options.parent);
      if (home !== undefined && parent !== undefined) return new RecordedSpan(name, parent, options, home);
      const span = tracer.startSpan(
        name,
        {
          kind: kinds[options.kind ?? 'internal'],
          ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
          ...(options.startMs === undefined ? {} : { startTime: options.startMs }),
        },
        parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent),
      );
      return wrap(span);
    },
    shutdown: () => sdk.shutdown().catch(() => undefined),
  };
}

/** The SDK tells resource and scope on its spans only, so one is begun for them, which never ends. */
function homeOf(queue: SpanQueue): SpanHome | undefined {
  const parent = { traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: TraceFlags.SAMPLED };
  const span = trace
    .getTracer('meseta', version)
    .startSpan('', {}, trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true }));
  if (!('resource' in span && 'instrumentationScope' in span)) return undefined;
  const ids = new RandomIdGenerator();
  const { resource, instrumentationScope } = span as unknown as ReadableSpan;
  return {
    resource,
    instrumentationScope,
    newSpanId: () => ids.generateSpanId(),
    ended: (ended) => queue.onEnd(ended),
  };
}

/** Stands for a span that nobody records; its children carry on the same trace, unsampled. */
function unsampled(traceparent: string): Span {
  return { traceparent, event: () => undefined, set: () => undefined, end: () => undefined };
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
    end({ error, endMs } = {}) {
      if (!span.isRecording()) return;
      if (error !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
        span.addEvent('exception', exceptionOf(error));
      }
      span.end(endMs);
    },
  };
}
