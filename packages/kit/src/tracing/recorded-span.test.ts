import { failure } from '@meseta/model';
import { SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { FailureError } from '../failure-error';
import { RecordedSpan, type SpanHome } from './recorded-span';
import { parseTraceparent } from './traceparent';
import { retryEvent, type SpanOptions } from './tracing';

const ended: ReadableSpan[] = [];
let spanIds = 0;
const home = {
  newSpanId: () => (++spanIds).toString(16).padStart(16, '0'),
  ended: (span) => ended.push(span),
} as Partial<SpanHome> as SpanHome;
const parent = parseTraceparent('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');

function begin(options: SpanOptions = {}): RecordedSpan {
  if (parent === undefined) throw new Error('the parent cannot be read');
  return new RecordedSpan('trial', parent, options, home);
}

beforeEach(() => ended.splice(0));

test('a span is in the trace of its parent, and has an id of its own', () => {
  const [first, second] = [begin(), begin()];
  for (const span of [first, second]) {
    expect(parseTraceparent(span.traceparent)).toMatchObject({ ...span.spanContext(), traceFlags: 1 });
    expect(span.spanContext().traceId).toBe(parent?.traceId);
  }
  expect(first.spanContext().spanId).not.toBe(second.spanContext().spanId);
});

test('it is handed on once, when it ends', () => {
  const span = begin({ startMs: 1_500.25, attributes: { a: 1 } });
  span.set({ b: 'two' });
  expect(ended).toEqual([]);
  span.end({ endMs: 2_750 });
  span.end({ error: 'too late' });
  span.set({ c: true });
  span.event('too late');
  expect(ended).toEqual([span]);
  expect(span).toMatchObject({
    attributes: { a: 1, b: 'two' },
    startTime: [1, 500_250_000],
    endTime: [2, 750_000_000],
    duration: [1, 249_750_000],
    status: { code: SpanStatusCode.UNSET },
    events: [],
  });
});

test('it does not end before it began, whatever the clocks of two machines say', () => {
  const startMs = Date.now() + 60_000;
  const span = begin({ startMs });
  span.end();
  expect(span.duration).toEqual([0, 0]);
});

test('an attribute that is set is not set on the spans that share the rest', () => {
  const attributes = { a: 1 };
  const [first, second] = [begin({ attributes }), begin({ attributes })];
  first.set({ b: 2 });
  expect([first.attributes, second.attributes, attributes]).toEqual([{ a: 1, b: 2 }, { a: 1 }, { a: 1 }]);
});

describe('an error is the status and an event `exception`', () => {
  test.each([
    ['a failure', failure('conflict', 'no image'), { 'exception.type': 'conflict' }],
    [
      'a failure that was thrown',
      new FailureError(failure('fenced', 'no image')),
      { 'exception.type': 'fenced' },
    ],
    [
      'what a status said',
      { type: 'REASON_TASK_INVALID', message: 'no image' },
      { 'exception.type': 'REASON_TASK_INVALID' },
    ],
    ['words', 'no image', {}],
  ])('%s', (_what, error, more) => {
    const span = begin();
    span.end({ error });
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no image' });
    expect(span.events).toEqual([
      {
        name: 'exception',
        attributes: { 'exception.message': 'no image', ...more },
        time: expect.any(Array),
      },
    ]);
  });

  test('what nobody expected has its stack', () => {
    const span = begin();
    span.end({ error: new TypeError('x is undefined') });
    expect(span.events[0]?.attributes).toMatchObject({
      'exception.type': 'TypeError',
      'exception.stacktrace': expect.stringContaining('recorded-span.test'),
    });
  });
});

test('a retry is an event with the attempt that comes, the wait and the cause', () => {
  const span = begin();
  retryEvent(span, { attempt: 2, delayMs: 500, error: failure('overloaded', 'queue full') });
  expect(span.events).toMatchObject([
    {
      name: 'retry',
      attributes: { 'retry.attempt': 2, 'retry.delay_ms': 500, 'retry.cause': 'queue full' },
    },
  ]);
});
