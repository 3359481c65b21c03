import type { IWatchResponse } from 'etcd3';
import type { EtcdClient } from './etcd-client';
import type { Cancel } from './store';

/** What to watch, and who wants to know. */
export interface EtcdWatch {
  readonly key: Buffer;
  /** The end of a range of keys; unset for a single key. */
  readonly rangeEnd?: Buffer;
  /** The first revision that is told. */
  readonly fromRevision: bigint;
  /** Told in order, each revision once, across broken connections. */
  readonly changed: (response: IWatchResponse) => void;
  /** The revision is no longer kept. The watch has ended. */
  readonly compacted: () => void;
}

/** The pause before a broken watch is set up again, at another member if there is one. */
const reconnectMs = 100;

/**
 * Watches etcd, and goes on after the last revision seen when the connection breaks.
 *
 * The library's own watcher is not used: it reconnects for ever when a revision was compacted, and its backoff grows to half a
 * minute.
 */
export function watchEtcd(client: EtcdClient, watch: EtcdWatch): Cancel {
  let next = watch.fromRevision;
  let over = false;
  let cancelStream: Cancel | undefined;
  let timer: NodeJS.Timeout | undefined;

  const cancel = (): void => {
    over = true;
    clearTimeout(timer);
    cancelStream?.();
  };
  const again = (): void => {
    cancelStream = undefined;
    if (over || client.closed) return;
    timer = setTimeout(connect, reconnectMs);
  };
  const receive = (response: IWatchResponse): void => {
    if (over) return;
    if (response.canceled && response.compact_revision !== '0') {
      cancel();
      watch.compacted();
      return;
    }
    if (response.canceled) {
      cancelStream?.();
      return;
    }
    const last = response.events.at(-1);
    if (last === undefined) return;
    // Not the header's revision: a watch that catches up gets its events in parts, and each part names the newest revision.
    next = BigInt(last.kv.mod_revision) + 1n;
    watch.changed(response);
  };
  const connect = (): void => {
    client.watches.watch().then(
      (stream) => {
        let ended = false;
        const end = (): void => {
          if (ended) return;
          ended = true;
          again();
        };
        stream.on('data', receive);
        stream.on('error', end);
        stream.on('end', end);
        cancelStream = () => {
          // Ended first: the library takes a stream that breaks while it may be written for a failure of its host, and then
          // closes the connection that all other calls share.
          stream.end();
          stream.cancel();
        };
        if (over) {
          cancelStream();
          return;
        }
        stream.write({
          create_request: {
            key: watch.key,
            ...(watch.rangeEnd === undefined ? {} : { range_end: watch.rangeEnd }),
            start_revision: next.toString(),
          },
        });
      },
      () => again(),
    );
  };
  connect();
  return cancel;
}
