import { failure } from '@meseta/model';
import { CallBatch } from './call-batch';

/** A master that answers when told to. */
function setUp() {
  const calls: { items: readonly number[]; answer: () => void; refuse: () => void }[] = [];
  const batch = new CallBatch<number>(
    (items) =>
      new Promise((resolve, reject) =>
        calls.push({ items, answer: resolve, refuse: () => reject(new Error('refused')) }),
      ),
  );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { batch, calls, turn };
}

test('what one turn asks for is one call, whose answer is that of each', async () => {
  const { batch, calls, turn } = setUp();
  const asked = [1, 2, 3].map((item) => batch.push(item));
  await turn();
  expect(calls.map((call) => call.items)).toEqual([[1, 2, 3]]);
  calls[0]?.answer();
  await Promise.all(asked);
});

test('while four calls are under way, what comes gathers', async () => {
  const { batch, calls, turn } = setUp();
  for (let item = 1; item <= 10; item += 1) {
    void batch.push(item);
    await turn();
  }
  expect(calls.map((call) => call.items)).toEqual([[1], [2], [3], [4]]);
  calls[0]?.answer();
  await turn();
  expect(calls.at(-1)?.items).toEqual([5, 6, 7, 8, 9, 10]);
});

test('a call that is refused rejects its own items alone', async () => {
  const { batch, calls, turn } = setUp();
  const first = batch.push(1);
  await turn();
  const second = batch.push(2);
  await turn();
  calls[0]?.refuse();
  calls[1]?.answer();
  await expect(first).rejects.toThrow('refused');
  await second;
});

test('drain settles when all was answered; abort refuses what waits', async () => {
  const { batch, calls, turn } = setUp();
  void batch.push(1);
  await turn();
  const waiting = batch.push(2);
  batch.abort(failure('notLeader', 'gone'));
  await expect(waiting).rejects.toThrow('gone');
  let drained = false;
  const drain = batch.drain().then(() => (drained = true));
  await turn();
  expect(drained).toBe(false);
  calls[0]?.answer();
  await drain;
});
