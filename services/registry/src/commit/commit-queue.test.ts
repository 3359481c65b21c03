import { failure, type Failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { put, refused, until } from '../store/behaviour';
import type { Fence, Store, StoredWrite } from '../store/store';
import { CommitQueue, type CommitQueueOptions } from './commit-queue';

const master: Fence = { election: 'master', term: 1n };

/** A store that answers each commit when it is told to. */
function setUp(options: Partial<CommitQueueOptions> = {}) {
  const commits: { fence: Fence; keys: string[]; answer: (failed?: Failure) => void }[] = [];
  let revision = 0n;
  const commit = (fence: Fence, writes: readonly StoredWrite[]): Promise<bigint> =>
    new Promise((resolve, reject) => {
      commits.push({
        fence,
        keys: writes.map(({ key }) => key),
        answer: (failed) =>
          failed === undefined ? resolve((revision += 1n)) : reject(new FailureError(failed)),
      });
    });
  const queue = new CommitQueue({ ...options, store: { commit } as unknown as Store });
  const answered = async (count: number, failed?: Failure): Promise<void> => {
    await until(() => commits.length >= count);
    commits[count - 1]?.answer(failed);
  };
  return { queue, commits, answered };
}

test('what arrives while a commit is on its way goes into the next one together, in order', async () => {
  const { queue, commits, answered } = setUp();
  const first = queue.commit(master, [put('a', '1')]);
  await until(() => commits.length === 1);
  const rest = [queue.commit(master, [put('b', '1')]), queue.commit(master, [put('c', '1'), put('a', '2')])];
  await answered(1);
  await answered(2);
  expect(await Promise.all([first, ...rest])).toEqual([1n, 2n, 2n]);
  expect(commits.map(({ keys }) => keys)).toEqual([['a'], ['b', 'c', 'a']]);
  expect(queue.queued).toBe(0);
});

test('a key that is written twice in one transaction is written once, as the last one says', async () => {
  const { queue, commits, answered } = setUp();
  const both = [queue.commit(master, [put('a', '1'), put('b', '1')]), queue.commit(master, [{ key: 'a' }])];
  await answered(1);
  await Promise.all(both);
  expect(commits[0]?.keys).toEqual(['b', 'a']);
});

test('a caller that fits a transaction is never split: it waits for the next one', async () => {
  const { queue, commits, answered } = setUp();
  const keys = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => put(`${name}${index}`, 'v'));
  const both = [queue.commit(master, keys('a', 100)), queue.commit(master, keys('b', 100))];
  await answered(1);
  await answered(2);
  await Promise.all(both);
  expect(commits.map((commit) => commit.keys.length)).toEqual([100, 100]);
});

test('a longer list is split in order, and answered when the last of it is written', async () => {
  const { queue, commits, answered } = setUp();
  const writes = Array.from({ length: 300 }, (_, index) => put(`k${index}`, 'v'));
  const long = queue.commit(master, writes);
  const next = queue.commit(master, [put('after', 'v')]);
  await answered(1);
  await answered(2);
  await answered(3);
  expect(await Promise.all([long, next])).toEqual([3n, 3n]);
  expect(commits.map((commit) => commit.keys.length)).toEqual([127, 127, 47]);
  expect(commits.flatMap((commit) => commit.keys)).toEqual([...writes.map(({ key }) => key), 'after']);
});

test('large values are split by their bytes', async () => {
  const { queue, commits, answered } = setUp();
  const done = queue.commit(master, [put('a', 'x'.repeat(600_000)), put('b', 'x'.repeat(600_000))]);
  await answered(1);
  await answered(2);
  await done;
  expect(commits.map(({ keys }) => keys)).toEqual([['a'], ['b']]);
});

test('a failure takes with it what waits under the same term, and nothing else', async () => {
  const { queue, commits, answered } = setUp();
  const first = queue.commit(master, [put('a', '1')]);
  await until(() => commits.length === 1);
  const behind = queue.commit(master, [put('b', '1')]);
  const other = queue.commit({ election: 'other', term: 9n }, [put('c', '1')]);
  const [one, two] = [refused(first), refused(behind)];
  await answered(1, failure('notLeader', 'the store does not answer'));
  await answered(2);
  expect(await one).toMatchObject({ kind: 'notLeader' });
  expect(await two).toMatchObject({ kind: 'notLeader' });
  expect(await other).toBe(1n);
  expect(commits.map(({ keys }) => keys)).toEqual([['a'], ['c']]);
  expect(queue.queued).toBe(0);
});

test('at the bound a commit is refused before any of it is written', async () => {
  const { queue, commits, answered } = setUp({ writesQueuedMax: 3 });
  const taken = queue.commit(master, [put('a', '1'), put('b', '1')]);
  expect(await refused(queue.commit(master, [put('c', '1'), put('d', '1')]))).toMatchObject({
    kind: 'overloaded',
    message: '2 writes wait to be committed; at most 3 may',
  });
  await answered(1);
  await taken;
  expect(commits).toHaveLength(1);
});

test('a record that no transaction can hold is refused', async () => {
  const { queue } = setUp();
  expect(await refused(queue.commit(master, [put('big', 'x'.repeat(1_000_000))]))).toMatchObject({
    kind: 'invalid',
    message: 'the record big is 1000003 bytes; at most 1000000 are kept',
  });
});

test('an empty commit asks whether the term still holds', async () => {
  const { queue, commits, answered } = setUp();
  const asked = queue.commit(master, []);
  await answered(1);
  await asked;
  expect(commits).toMatchObject([{ keys: [] }]);
});
