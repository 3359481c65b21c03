import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { failureOf } from '@meseta/kit';
import type { internal } from '@meseta/protocol';
import type { SnapshotChunk, Store, StoredEntry } from '../store/store';
import { failStream } from './fail-stream';
import { recordOf } from './records';

type Stream = ServerWritableStream<internal.SnapshotRequest, internal.SnapshotResponse>;

/** A message is cut at this many bytes of records, far below what a message may be. */
const chunkBytesMax = 4 * 1024 * 1024;

/** Answers Snapshot: the next chunk is read when the peer has taken the one before. */
export function snapshotHandler(store: Store): internal.RegistryServiceServer['snapshot'] {
  return (stream) => {
    let gone = false;
    stream.on('cancelled', () => (gone = true));
    send(store, stream, () => gone).then(
      () => stream.end(),
      (error: unknown) => failStream(stream, failureOf(error)),
    );
  };
}

async function send(store: Store, stream: Stream, gone: () => boolean): Promise<void> {
  for await (const chunk of store.snapshot(stream.request.linearizable)) {
    for (const message of messagesOf(chunk)) {
      if (gone()) return;
      if (!stream.write(message)) await Promise.race([once(stream, 'drain'), once(stream, 'cancelled')]);
    }
  }
}

function* messagesOf({ revision, entries }: SnapshotChunk): Iterable<internal.SnapshotResponse> {
  let part: StoredEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (bytes > 0 && bytes + entry.value.length > chunkBytesMax) {
      yield { revision, records: part.map(({ value }) => recordOf(value)) };
      part = [];
      bytes = 0;
    }
    part.push(entry);
    bytes += entry.value.length;
  }
  yield { revision, records: part.map(({ value }) => recordOf(value)) };
}
