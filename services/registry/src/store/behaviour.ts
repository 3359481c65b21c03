import { failureOf } from '@meseta/kit';
import type { Failure } from '@meseta/model';
import type { ChangeListener, Claim, Leader, SnapshotChunk, Store, StoredChange } from './store';

/** Of elections whose end no test waits for: longer than any test, however busy the machine. */
const leaseMs = 60_000;

/** A store of its own for each test, and the lease to ask it for. Etcd grants no less than two seconds. */
export interface StoreUnderTest {
  readonly store: Store;
  readonly ttlMs: number;
  /** Drops old revisions, so that a watch from there fails. */
  compact(revision: bigint): Promise<void>;
  close(): Promise<void>;
}

/** What every store does. Run over the memory and the embedded store as a unit test, and over a real etcd. */
export function describeStore(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(`${name}: a store`, () => {
    let under: StoreUnderTest;
    let store: Store;

    beforeEach(async () => {
      under = await create();
      ({ store } = under);
    });
    afterEach(() => under.close());

    const claim = async (value: string, election = 'master', ttlMs = leaseMs): Promise<Leader> => {
      const lease = await store.grantLease(ttlMs);
      const outcome = await store.claim(election, lease.id, value);
      if (!outcome.won) throw new Error(`${value} lost to ${outcome.leader.value}`);
      return { term: outcome.term, leaseId: lease.id, value };
    };

    describe('commits', () => {
      test('what a leader commits is in the next snapshot, at a later revision', async () => {
        const { term } = await claim('m1');
        const first = await store.commit({ election: 'master', term }, [put('a', 'one'), put('b', 'two')]);
        const second = await store.commit({ election: 'master', term }, [put('a', 'three'), remove('b')]);
        expect(second).toBeGreaterThan(first);
        const { revision, entries } = await read(store);
        expect(revision).toBeGreaterThanOrEqual(second);
        expect(entries).toEqual({ a: 'three' });
      });

      test('deleting what is not there is no failure, and a commit may write nothing', async () => {
        const { term } = await claim('m1');
        await store.commit({ election: 'master', term }, [remove('never')]);
        await store.commit({ election: 'master', term }, []);
        expect((await read(store)).entries).toEqual({});
      });

      test('a term that is over is fenced, and nothing of its commit is written', async () => {
        const old = await claim('m1');
        await store.resign('master', old);
        const next = await claim('m2');
        expect(next.term).toBeGreaterThan(old.term);
        expect(
          await refused(store.commit({ election: 'master', term: old.term }, [put('a', 'late')])),
        ).toMatchObject({ kind: 'fenced' });
        await store.commit({ election: 'master', term: next.term }, [put('a', 'mine')]);
        expect((await read(store)).entries).toEqual({ a: 'mine' });
      });

      test('nobody can commit before there is a leader', async () => {
        expect(await refused(store.commit({ election: 'master', term: 1n }, [put('a', 'x')]))).toMatchObject({
          kind: 'fenced',
        });
      });

      test('elections fence their own leaders only', async () => {
        const master = await claim('m1');
        const other = await claim('x1', 'other');
        await store.resign('other', other);
        await store.commit({ election: 'master', term: master.term }, [put('a', 'x')]);
        expect(
          await refused(store.commit({ election: 'other', term: other.term }, [put('a', 'y')])),
        ).toMatchObject({ kind: 'fenced' });
      });

      test('as many writes as a commit may have are written together', async () => {
        const { term } = await claim('m1');
        const writes = Array.from({ length: 127 }, (_, index) => put(`k${index}`, 'v'));
        const revision = await store.commit({ election: 'master', term }, writes);
        const changes = await changesAfter(store, revision - 1n, 1);
        expect(changes[0]?.writes).toHaveLength(127);
      });

      test('a snapshot of many entries comes in chunks of one revision, in the order of keys', async () => {
        const { term } = await claim('m1');
        for (let from = 0; from < 1100; from += 110) {
          const writes = Array.from({ length: 110 }, (_, index) =>
            put(`k${String(from + index).padStart(4, '0')}`, 'v'),
          );
          await store.commit({ election: 'master', term }, writes);
        }
        const chunks: SnapshotChunk[] = [];
        for await (const chunk of store.snapshot(true)) chunks.push(chunk);
        expect(chunks.map(({ entries }) => entries.length)).toEqual([1000, 100]);
        expect(new Set(chunks.map(({ revision }) => revision)).size).toBe(1);
        const keys = chunks.flatMap(({ entries }) => entries.map(({ key }) => key));
        expect(keys).toEqual([...keys].sort());
      });

      test('an empty record is one chunk with a revision', async () => {
        const chunks: SnapshotChunk[] = [];
        for await (const chunk of store.snapshot(false)) chunks.push(chunk);
        expect(chunks).toMatchObject([{ entries: [] }]);
      });
    });

    describe('changes', () => {
      test('are told from a revision on, each once, in order', async () => {
        const { term } = await claim('m1');
        const fence = { election: 'master', term };
        const first = await store.commit(fence, [put('a', '1')]);
        const second = await store.commit(fence, [put('b', '2')]);
        const told = changesAfter(store, first, 2);
        const third = await store.commit(fence, [remove('a'), put('b', '3')]);
        expect((await told).map(readable)).toEqual([
          { revision: second, writes: { b: '2' } },
          { revision: third, writes: { a: undefined, b: '3' } },
        ]);
      });

      test('elections are not among them', async () => {
        const { term } = await claim('m1');
        const before = (await read(store)).revision;
        await claim('x1', 'other');
        const revision = await store.commit({ election: 'master', term }, [put('a', '1')]);
        expect((await changesAfter(store, before, 1)).map(readable)).toEqual([
          { revision, writes: { a: '1' } },
        ]);
      });

      test('from a revision that is no longer kept end with a conflict', async () => {
        const { term } = await claim('m1');
        const fence = { election: 'master', term };
        await store.commit(fence, [put('a', '1')]);
        const last = await store.commit(fence, [put('a', '2')]);
        await under.compact(last);
        const failed = await new Promise<Failure>((resolve) => {
          store.watchChanges(0n, { changed: () => undefined, failed: resolve });
        });
        expect(failed.kind).toBe('conflict');
        expect(failed.message).toContain('take a snapshot');
      });
    });

    describe('elections', () => {
      test('the first to claim wins; the next one is told who has it', async () => {
        const winner = await claim('m1');
        const lease = await store.grantLease(under.ttlMs);
        expect(await store.claim('master', lease.id, 'm2')).toEqual({ won: false, leader: winner });
        expect(await store.leader('master')).toEqual(winner);
      });

      test('claiming again with the same lease wins again, with the same term: the answer may have been lost', async () => {
        const winner = await claim('m1');
        expect(await store.claim('master', winner.leaseId, 'm1')).toEqual<Claim>({
          won: true,
          term: winner.term,
        });
      });

      test('a lease that is gone cannot claim', async () => {
        const lease = await store.grantLease(under.ttlMs);
        await store.revokeLease(lease.id);
        expect(await refused(store.claim('master', lease.id, 'm1'))).toMatchObject({ kind: 'notFound' });
      });

      test('a lease that is renewed outlives its time; one that is not takes its election with it', async () => {
        const winner = await claim('m1', 'master', under.ttlMs);
        const gone = becomes(store, 'master', undefined);
        const until = Date.now() + under.ttlMs * 1.5;
        while (Date.now() < until) {
          expect(await store.renewLease(winner.leaseId)).toBeGreaterThanOrEqual(under.ttlMs);
          await pause(under.ttlMs / 8);
        }
        expect(await store.leader('master')).toEqual(winner);
        await gone;
        expect(await store.renewLease(winner.leaseId)).toBeUndefined();
      });

      test('an election that is given back is free at once, and the lease with it', async () => {
        const winner = await claim('m1');
        await store.resign('master', winner);
        expect(await store.leader('master')).toBeUndefined();
        expect(await store.renewLease(winner.leaseId)).toBeUndefined();
      });

      test('an election that another instance holds by now is not given back', async () => {
        const winner = await claim('m1 by r1');
        const moved = { ...winner, value: 'm1 by r2' };
        expect(await store.hold('master', moved)).toBe(true);
        await store.resign('master', winner);
        expect(await store.leader('master')).toEqual(moved);
        expect(await store.renewLease(winner.leaseId)).toBeGreaterThan(0);
      });

      test('what is no longer had cannot be held', async () => {
        const winner = await claim('m1');
        await store.resign('master', winner);
        expect(await store.hold('master', winner)).toBe(false);
        const next = await claim('m2');
        expect(await store.hold('master', winner)).toBe(false);
        expect(await store.hold('master', { ...next, leaseId: next.leaseId + 2n })).toBe(false);
      });

      test('whoever watches is told who leads, and of every change', async () => {
        const seen: (string | undefined)[] = [];
        const cancel = store.watchLeader('master', (leader) => seen.push(leader?.value));
        await becomes(store, 'master', undefined);
        const winner = await claim('m1');
        await becomes(store, 'master', 'm1');
        await store.resign('master', winner);
        await becomes(store, 'master', undefined);
        await until(() => seen.length === 3);
        expect(seen).toEqual([undefined, 'm1', undefined]);
        cancel();
      });
    });
  });
}

/** What a promise was refused with. */
export async function refused(promise: Promise<unknown>): Promise<Failure> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('value' in outcome) throw new Error(`not refused: ${String(outcome.value)}`);
  return failureOf(outcome.error);
}

/** A write of a text. */
export function put(key: string, text: string): { key: string; value: Uint8Array } {
  return { key, value: Buffer.from(text) };
}

function remove(key: string): { key: string } {
  return { key };
}

/** The whole record as texts. */
export async function read(store: Store): Promise<{ revision: bigint; entries: Record<string, string> }> {
  let revision = 0n;
  const entries: Record<string, string> = {};
  for await (const chunk of store.snapshot(true)) {
    revision = chunk.revision;
    for (const { key, value } of chunk.entries) entries[key] = Buffer.from(value).toString();
  }
  return { revision, entries };
}

/** The first changes after a revision, as soon as there are so many. */
export function changesAfter(store: Store, revision: bigint, count: number): Promise<StoredChange[]> {
  return new Promise((resolve, reject) => {
    const changes: StoredChange[] = [];
    const listener: ChangeListener = {
      changed: (change) => {
        changes.push(change);
        if (changes.length < count) return;
        queueMicrotask(() => cancel());
        resolve(changes);
      },
      failed: (failure) => reject(new Error(failure.message)),
    };
    const cancel = store.watchChanges(revision, listener);
  });
}

/** Resolves when the leader's value is this one. */
export function becomes(store: Store, election: string, value: string | undefined): Promise<void> {
  return new Promise((resolve) => {
    const cancel = store.watchLeader(election, (leader) => {
      if (leader?.value !== value) return;
      queueMicrotask(() => cancel());
      resolve();
    });
  });
}

/** Resolves when a condition holds; looked at whenever the event loop turns. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function readable(change: StoredChange): { revision: bigint; writes: Record<string, string | undefined> } {
  return {
    revision: change.revision,
    writes: Object.fromEntries(
      change.writes.map(({ key, value }) => [key, value && Buffer.from(value).toString()]),
    ),
  };
}
