import { AsyncQueue, dropOldest } from './async-queue';

test('items are handed out in order, to whoever waits', async () => {
  const queue = new AsyncQueue<number>({ itemsMax: 10, onFull: dropOldest });
  const waiting = queue.next();
  queue.push(1);
  queue.push(2);
  expect([(await waiting).value, (await queue.next()).value]).toEqual([1, 2]);
});

test('at the bound the rule decides', async () => {
  const queue = new AsyncQueue<number>({ itemsMax: 2, onFull: dropOldest });
  [1, 2, 3].forEach((item) => queue.push(item));
  expect([(await queue.next()).value, (await queue.next()).value]).toEqual([2, 3]);
});

test('stale items are skipped', async () => {
  const queue = new AsyncQueue<number>({ itemsMax: 9, onFull: dropOldest, isStale: (item) => item < 3 });
  [1, 2, 3].forEach((item) => queue.push(item));
  expect((await queue.next()).value).toBe(3);
});

test('an end lets what waits out first; an error is told after it', async () => {
  const queue = new AsyncQueue<number>({ itemsMax: 9, onFull: dropOldest });
  queue.push(1);
  queue.end(new Error('over'));
  queue.push(2);
  expect((await queue.next()).value).toBe(1);
  await expect(queue.next()).rejects.toThrow('over');
});

test('a loop that is left tells so', async () => {
  let left = false;
  const queue = new AsyncQueue<number>({ itemsMax: 9, onFull: dropOldest, onReturn: () => (left = true) });
  queue.push(1);
  for await (const _item of queue) break;
  expect(left).toBe(true);
});
