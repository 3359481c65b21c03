import { status } from '@grpc/grpc-js';
import { failure, type Failure } from '@meseta/model';
import { BatchWriter, type BatchObserver } from '@meseta/kit';
import type { internal } from '@meseta/protocol';
import type { Cancel, Store, StoredChange } from '../store/store';
import { failStream } from './fail-stream';
import type { OpenStreams } from './open-streams';
import { recordOf } from './records';

/** How many revisions may wait for a slow watcher. One more ends its stream: it takes a snapshot and watches again. */
export const revisionsQueuedMax = 1000;
/** A message holds whole revisions, of at most a megabyte each. */
const revisionsPerMessageMax = 8;

/** Answers Watch. */
export function watchHandler(
  store: Store,
  open: OpenStreams,
  observer: BatchObserver,
): internal.RegistryServiceServer['watch'] {
  return (stream) => {
    const { afterRevision } = stream.request;
    let over = false;
    let cancel: Cancel = () => undefined;
    const end = (failed: Failure | undefined, code?: status): void => {
      if (over) return;
      over = true;
      cancel();
      close();
      if (failed !== undefined) failStream(stream, failed, code);
    };
    const writer = new BatchWriter<StoredChange, internal.WatchResponse>({
      write: (message) => stream.write(message),
      onDrain: (fn) => stream.once('drain', fn),
      toMessage: (changes) => ({
        revision: changes.at(-1)?.revision ?? 0n,
        changes: changes.flatMap(({ writes }) => writes.map(changeOf)),
      }),
      itemsPerMessageMax: revisionsPerMessageMax,
      itemsQueuedMax: revisionsQueuedMax,
      observer,
      onOverflow: () => end(failure('overloaded', `${revisionsQueuedMax} revisions wait to be read`)),
    });
    const close = open.add(
      () => end(failure('notLeader', 'this registry instance is stopping')),
      () => writer.queued,
    );
    stream.on('cancelled', () => end(undefined));
    stream.on('error', () => end(undefined));
    if (afterRevision < 0n) {
      end(failure('invalid', 'after_revision must not be negative', { field: 'after_revision' }));
      return;
    }
    cancel = store.watchChanges(afterRevision, {
      changed: (change) => {
        if (!over) writer.push(change);
      },
      failed: (failed) => end(failed, failed.kind === 'conflict' ? status.OUT_OF_RANGE : undefined),
    });
    if (over) cancel();
  };
}

function changeOf({ key, value }: StoredChange['writes'][number]): internal.RecordChange {
  return value === undefined ? { key } : { key, record: recordOf(value) };
}
