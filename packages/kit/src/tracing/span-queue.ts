import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { SpanCounts } from './tracing';

/** Ended spans that may wait to be sent. At the bound new ones are dropped and counted: a trace may be lost, an offer may not. */
export const spansQueuedMax = 50_000;
/** Spans of one message. Encoding as many takes a few milliseconds, in which nothing else is done. */
const spansPerMessageMax = 1024;
/** How long a span waits for others. */
const delayMs = 5000;
/** ExportResultCode.SUCCESS of OpenTelemetry. */
const success = 0;

export interface SpanQueueOptions {
  readonly queuedMax: number;
  readonly perMessageMax: number;
  readonly delayMs: number;
}

/** What the environment says, by the names of OpenTelemetry's batch span processor. */
export function spanQueueOptions(env: Readonly<Record<string, string | undefined>>): SpanQueueOptions {
  const positive = (name: string, otherwise: number): number => {
    const value = Number(env[name]);
    return Number.isInteger(value) && value > 0 ? value : otherwise;
  };
  const queuedMax = positive('OTEL_BSP_MAX_QUEUE_SIZE', spansQueuedMax);
  return {
    queuedMax,
    perMessageMax: Math.min(queuedMax, positive('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', spansPerMessageMax)),
    delayMs: positive('OTEL_BSP_SCHEDULE_DELAY', delayMs),
  };
}

/**
 * Ended spans on their way to the exporter: one message at a time, full ones as soon as they are full.
 *
 * The SDK's own processor holds 2,048 spans, which one turn of a busy master fills, and tells nobody what it drops.
 */
export class SpanQueue implements SpanProcessor, SpanCounts {
  sent = 0;
  refused = 0;
  failed = 0;
  #waiting: ReadableSpan[] = [];
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly options: SpanQueueOptions,
  ) {}

  get queued(): number {
    return this.#waiting.length;
  }

  get queuedMax(): number {
    return this.options.queuedMax;
  }

  onStart(): void {
    // A span is of interest when it has ended.
  }

  onEnd(span: ReadableSpan): void {
    if (this.#closed || (span.spanContext().traceFlags & 1) === 0) return;
    if (this.#waiting.length >= this.options.queuedMax) {
      this.refused++;
      return;
    }
    this.#waiting.push(span);
    this.#plan();
  }

  /** Sends all that waits. */
  async forceFlush(): Promise<void> {
    while (this.#waiting.length > 0) await (this.#sending ?? this.#send());
    await this.#sending;
  }

  async shutdown(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.forceFlush();
    await this.exporter.shutdown();
  }

  #plan(): void {
    if (this.#sending !== undefined) return;
    if (this.#waiting.length >= this.options.perMessageMax) void this.#send();
    else this.#timer ??= setTimeout(() => void this.#send(), this.options.delayMs).unref();
  }

  /** A message that cannot be delivered is not kept: the exporter has tried for as long as it is worth it. */
  #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { perMessageMax } = this.options;
    const spans = this.#waiting.slice(0, perMessageMax);
    this.#waiting = this.#waiting.slice(perMessageMax);
    this.#sending = new Promise<void>((resolve) => {
      // A turn that ends a thousand spans ends first; then they are encoded.
      setImmediate(() => {
        this.exporter.export(spans, ({ code }) => {
          if (Number(code) === success) this.sent += spans.length;
          else this.failed += spans.length;
          resolve();
        });
      });
    }).then(() => {
      this.#sending = undefined;
      if (this.#waiting.length > 0) this.#plan();
    });
    return this.#sending;
  }
}
