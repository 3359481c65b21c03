import type { IKeyValue } from 'etcd3';
import type { EtcdClient } from './etcd-client';
import { watchEtcd } from './etcd-watch';
import type { Cancel } from './store';

/** How often an election's key is read besides being watched: etcd 3.4 and 3.5 had watches that lost events. */
const pollMs = 2000;
/** How long one such reading may take before it is given up until the next one. */
const pollBudgetMs = 1000;

/** Tells who has an election's key: as it is, then at every change. While etcd does not answer nothing is told. */
export function watchEtcdLeader(
  client: EtcdClient,
  key: Buffer,
  listener: (kv: IKeyValue | undefined) => void,
): Cancel {
  let over = false;
  let seen: { readonly revision: bigint; readonly kv: IKeyValue | undefined } | undefined;
  let cancelWatch: Cancel | undefined;
  let timer: NodeJS.Timeout | undefined;

  const see = (revision: bigint, kv: IKeyValue | undefined): void => {
    if (over || (seen !== undefined && revision <= seen.revision)) return;
    const changed = seen === undefined || seen.kv?.mod_revision !== kv?.mod_revision;
    seen = { revision, kv };
    if (changed) listener(kv);
  };
  const watch = (fromRevision: bigint): void => {
    if (over) return;
    cancelWatch = watchEtcd(client, {
      key,
      fromRevision,
      changed: ({ events }) => {
        for (const { type, kv } of events) {
          see(BigInt(kv.mod_revision), type === 'Delete' ? undefined : kv);
        }
      },
      // The next reading tells what was missed, and the watch goes on from there.
      compacted: () => (cancelWatch = undefined),
    });
  };
  const poll = async (): Promise<void> => {
    const { header, kvs } = await client.call(
      'leader',
      (options) => client.kv.range({ key }, options),
      pollBudgetMs,
    );
    see(BigInt(header.revision), kvs[0]);
    if (cancelWatch === undefined) watch(BigInt(header.revision) + 1n);
  };
  const pollAgain = (): void => {
    poll()
      // Told by `client.ready()`; there is nobody here to tell.
      .catch(() => undefined)
      .finally(() => {
        if (!over && !client.closed) timer = setTimeout(pollAgain, pollMs);
      });
  };
  pollAgain();
  return () => {
    over = true;
    clearTimeout(timer);
    cancelWatch?.();
  };
}
