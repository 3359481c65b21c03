import { createMetrics } from '../metrics';
import { BatchWriter } from '../grpc/batch-stream';
import { boundedLabel } from './bounded-label';
import { createQueueSeries } from './queue-series';
import { createStreamSeries } from './stream-series';

const sampled = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const openMetrics = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5';

describe('exemplars', () => {
  test('a bucket names the sampled trace of its last value, in OpenMetrics alone', async () => {
    const metrics = createMetrics('trial');
    const histogram = metrics.tracedHistogram('wait_seconds', 'How long.', ['stage']);
    histogram.observe({ stage: 'offer' }, 0.02, sampled);
    const { contentType, text } = await metrics.registry.expose(openMetrics);
    expect(contentType).toContain('application/openmetrics-text');
    expect(text).toMatch(
      /meseta_trial_wait_seconds_bucket\{.*le="0.025".*\} 1 # \{trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"\} 0.02 /,
    );
    const plain = await metrics.registry.expose('text/plain');
    expect(plain.contentType).toContain('text/plain');
    expect(plain.text).toContain('meseta_trial_wait_seconds_count{stage="offer"} 1');
    expect(plain.text).not.toContain('trace_id');
  });

  test('a value without a trace, or of one that is not sampled, counts and names none', async () => {
    const metrics = createMetrics('trial');
    const histogram = metrics.tracedHistogram('wait_seconds', 'How long.');
    histogram.observe({}, 0.02, '');
    histogram.observe({}, 0.02, sampled.replace(/01$/, '00'));
    const { text } = await metrics.registry.expose(openMetrics);
    expect(text).toContain('meseta_trial_wait_seconds_count 2');
    expect(text).not.toContain('trace_id');
  });
});

describe('the two formats', () => {
  test('a counter has the same sample name in both, however often each is asked for', async () => {
    const metrics = createMetrics('trial');
    metrics.counter('things_total', 'Things.').inc();
    for (const accept of [openMetrics, 'text/plain', openMetrics, undefined])
      expect((await metrics.registry.expose(accept)).text).toContain('\nmeseta_trial_things_total 1\n');
    expect((await metrics.registry.expose(openMetrics)).text).toContain('# TYPE meseta_trial_things counter');
    expect((await metrics.registry.expose(openMetrics)).text.endsWith('# EOF\n')).toBe(true);
    expect((await metrics.registry.expose()).text).toContain('# TYPE meseta_trial_things_total counter');
  });

  test('gauges that are read from a state are fresh in both', async () => {
    const metrics = createMetrics('trial');
    let items = 0;
    createQueueSeries(metrics).watch('work', 10, () => items);
    for (const accept of [undefined, openMetrics]) {
      items += 3;
      expect((await metrics.registry.expose(accept)).text).toContain(
        `meseta_trial_queue_items{queue="work"} ${items}`,
      );
    }
  });
});

test('a stream tells the size of its messages, and what its queue refused', async () => {
  const metrics = createMetrics('trial');
  const streams = createStreamSeries(metrics, createQueueSeries(metrics));
  const written: number[][] = [];
  const writer = new BatchWriter<number, number[]>({
    write: (message) => written.push(message) > 0,
    onDrain: () => undefined,
    toMessage: (items) => items,
    itemsPerMessageMax: 2,
    itemsQueuedMax: 3,
    onOverflow: () => undefined,
    observer: streams.observer('numbers'),
  });
  for (const item of [1, 2, 3, 4]) writer.push(item);
  writer.flush();
  expect(written).toEqual([[1, 2], [3]]);
  const { text } = await metrics.registry.expose();
  expect(text).toContain('meseta_trial_stream_batch_items_count{stream="numbers"} 2');
  expect(text).toContain('meseta_trial_stream_batch_items_sum{stream="numbers"} 3');
  expect(text).toContain('meseta_trial_queue_refused_total{queue="numbers"} 1');
});

test('the observer of a stream is one, so that a new stream of the same name goes on counting', () => {
  const metrics = createMetrics('trial');
  const streams = createStreamSeries(metrics, createQueueSeries(metrics));
  expect(streams.observer('numbers')).toBe(streams.observer('numbers'));
});

test('messages and bytes are counted where they are decoded and encoded', async () => {
  const metrics = createMetrics('trial');
  const { say } = createStreamSeries(metrics, createQueueSeries(metrics)).counted({
    say: {
      path: '/trial.Trial/Say',
      requestStream: false,
      responseStream: false,
      requestSerialize: (text: string) => Buffer.from(text),
      requestDeserialize: (bytes: Buffer) => bytes.toString(),
      responseSerialize: (text: string) => Buffer.from(text),
      responseDeserialize: (bytes: Buffer) => bytes.toString(),
    },
  });
  expect(say.requestDeserialize(Buffer.from('hello'))).toBe('hello');
  expect(say.responseSerialize('hi').toString()).toBe('hi');
  const { text } = await metrics.registry.expose();
  expect(text).toContain('meseta_trial_grpc_bytes_total{method="/trial.Trial/Say",direction="received"} 5');
  expect(text).toContain('meseta_trial_grpc_bytes_total{method="/trial.Trial/Say",direction="sent"} 2');
  expect(text).toContain('meseta_trial_grpc_messages_total{method="/trial.Trial/Say",direction="sent"} 1');
});

test('beyond its bound a label is "other", and who had a name keeps it', () => {
  const label = boundedLabel(2);
  expect(['a', 'b', 'c', 'a', 'd', 'b'].map(label)).toEqual(['a', 'b', 'other', 'a', 'other', 'b']);
});
