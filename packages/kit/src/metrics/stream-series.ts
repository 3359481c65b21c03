import type { ServiceDefinition } from '@grpc/grpc-js';
import type { BatchObserver } from '../grpc/batch-stream';
import type { Metrics } from '../metrics';
import type { QueueSeries } from './queue-series';

/** The series of a service's streams and calls. */
export interface StreamSeries {
  /** What a `BatchWriter` tells: the size of each message, and what its queue refused. The queue has the stream's name. */
  observer(stream: string): BatchObserver;
  /** The same service, counting its messages and their bytes, both ways. They are counted where they are encoded, which costs nothing. */
  counted<Definition extends ServiceDefinition>(definition: Definition): Definition;
}

/** Makes the series `stream_batch_items`, `grpc_messages_total` and `grpc_bytes_total`. */
export function createStreamSeries(metrics: Metrics, queues: QueueSeries): StreamSeries {
  const batch = metrics.histogram(
    'stream_batch_items',
    'Items of one message written to a stream; its count is the number of messages.',
    ['stream'],
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000],
  );
  const messages = metrics.counter('grpc_messages_total', 'Messages of the gRPC methods served.', [
    'method',
    'direction',
  ]);
  const bytes = metrics.counter(
    'grpc_bytes_total',
    'Encoded bytes of the messages of the gRPC methods served.',
    ['method', 'direction'],
  );
  const count = (method: string, direction: 'received' | 'sent'): ((size: number) => void) => {
    const labels = { method, direction };
    messages.inc(labels, 0);
    bytes.inc(labels, 0);
    return (size) => {
      messages.inc(labels);
      bytes.inc(labels, size);
    };
  };
  const observers = new Map<string, BatchObserver>();
  return {
    observer: (stream) => {
      const known = observers.get(stream);
      if (known !== undefined) return known;
      batch.zero({ stream });
      const observer: BatchObserver = {
        wrote: (items) => batch.observe({ stream }, items),
        refused: (items) => queues.refused(stream, items),
      };
      observers.set(stream, observer);
      return observer;
    },
    counted: (definition) =>
      Object.fromEntries(
        Object.entries(definition).map(([name, method]) => {
          const received = count(method.path, 'received');
          const sent = count(method.path, 'sent');
          return [
            name,
            {
              ...method,
              requestDeserialize: (encoded: Buffer): unknown => {
                received(encoded.length);
                return method.requestDeserialize(encoded);
              },
              responseSerialize: (message: unknown): Buffer => {
                const encoded = method.responseSerialize(message);
                sent(encoded.length);
                return encoded;
              },
            },
          ];
        }),
      ) as typeof definition,
  };
}
