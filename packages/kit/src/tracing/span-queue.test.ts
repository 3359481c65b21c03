import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { SpanQueue, spanQueueOptions } from './span-queue';

/** A collector that answers when a test says so. */
class HandExporter implements SpanExporter {
  readonly messages: string[][] = [];
  closed = false;
  #answers: ((code: number) => void)[] = [];
  #arrived: (() => void)[] = [];

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    this.messages.push(spans.map(({ name }) => name));
    this.#answers.push((code) => done({ code }));
    for (const resolve of this.#arrived.splice(0)) resolve();
  }

  shutdown(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  async message(): Promise<void> {
    if (this.#answers.length === 0) await new Promise<void>((resolve) => this.#arrived.push(resolve));
  }

  /** Answers the oldest message; 0 is success. */
  answer(code: number): void {
    this.#answers.shift()?.(code);
  }
}

const span = (name: string, traceFlags = 1): ReadableSpan =>
  ({ name, spanContext: () => ({ traceFlags }) }) as unknown as ReadableSpan;

function create(options: Partial<ConstructorParameters<typeof SpanQueue>[1]> = {}) {
  const exporter = new HandExporter();
  const queue = new SpanQueue(exporter, { queuedMax: 4, perMessageMax: 2, delayMs: 1, ...options });
  return { exporter, queue };
}

test('spans that waited together travel in one message', async () => {
  const { exporter, queue } = create();
  queue.onEnd(span('a'));
  queue.onEnd(span('unsampled', 0));
  await exporter.message();
  expect(exporter.messages).toEqual([['a']]);
  exporter.answer(0);
  await queue.forceFlush();
  expect(queue.sent).toBe(1);
});

test('a full message does not wait, and the next one waits for its answer', async () => {
  const { exporter, queue } = create({ delayMs: 60_000 });
  for (const name of ['a', 'b', 'c', 'd']) queue.onEnd(span(name));
  await exporter.message();
  expect(exporter.messages).toEqual([['a', 'b']]);
  exporter.answer(0);
  await exporter.message();
  expect(exporter.messages).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
  exporter.answer(0);
});

test('at the bound spans are refused and counted; what a collector does not take is counted too', async () => {
  const { exporter, queue } = create({ delayMs: 60_000 });
  queue.onEnd(span('sent first'));
  queue.onEnd(span('sent first'));
  await exporter.message();
  for (let n = 0; n < 6; n++) queue.onEnd(span(`${n}`));
  expect([queue.queued, queue.refused]).toEqual([4, 2]);
  exporter.answer(1);
  await exporter.message();
  exporter.answer(0);
  await exporter.message();
  exporter.answer(0);
  await queue.forceFlush();
  expect([queue.queued, queue.sent, queue.failed, queue.refused]).toEqual([0, 4, 2, 2]);
});

test('a shutdown sends what waits, and closes the exporter after that', async () => {
  const { exporter, queue } = create({ delayMs: 60_000 });
  queue.onEnd(span('last'));
  const closed = queue.shutdown();
  await exporter.message();
  expect(exporter.closed).toBe(false);
  exporter.answer(0);
  await closed;
  expect(exporter.closed).toBe(true);
  queue.onEnd(span('after'));
  expect(queue.queued).toBe(0);
});

test("the environment's bounds are taken; what is no number above zero is not", () => {
  expect(
    spanQueueOptions({
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_BSP_MAX_QUEUE_SIZE: '10',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 'x',
    }),
  ).toEqual({ queuedMax: 10, perMessageMax: 10, delayMs: 100 });
});
