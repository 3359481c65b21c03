import { BatchWriter } from './batch-stream';

/** A peer that reads when told to, and a loop whose turns end when told to. */
function setUp(options: { itemsPerMessageMax?: number; itemsQueuedMax?: number } = {}) {
  const written: number[][] = [];
  const turns: (() => void)[] = [];
  const drains: (() => void)[] = [];
  const peer = { accepts: true };
  let refused = 0;
  const writer = new BatchWriter<number, number[]>({
    write: (message) => {
      written.push(message);
      return peer.accepts;
    },
    onDrain: (fn) => drains.push(fn),
    toMessage: (items) => items,
    itemsPerMessageMax: options.itemsPerMessageMax ?? 10,
    itemsQueuedMax: options.itemsQueuedMax ?? 100,
    onOverflow: (n) => (refused += n),
    schedule: (fn) => turns.push(fn),
  });
  const endTurn = (): void => turns.splice(0).forEach((fn) => fn());
  const drain = (): void => drains.splice(0).forEach((fn) => fn());
  return { writer, written, endTurn, drain, peer, refused: () => refused };
}

test('what one turn pushes travels in one message', () => {
  const { writer, written, endTurn } = setUp();
  [1, 2, 3].forEach((item) => writer.push(item));
  expect(written).toEqual([]);
  endTurn();
  expect(written).toEqual([[1, 2, 3]]);
});

test('a message holds no more than its bound', () => {
  const { writer, written, endTurn } = setUp({ itemsPerMessageMax: 2 });
  [1, 2, 3, 4, 5].forEach((item) => writer.push(item));
  endTurn();
  expect(written).toEqual([[1, 2], [3, 4], [5]]);
});

test('a peer that does not read makes items wait until the drain, and then in one message', () => {
  const { writer, written, endTurn, drain, peer } = setUp();
  peer.accepts = false;
  writer.push(1);
  endTurn();
  writer.push(2);
  endTurn();
  writer.push(3);
  endTurn();
  expect(written).toEqual([[1]]);
  expect(writer.queued).toBe(2);
  peer.accepts = true;
  drain();
  expect(written).toEqual([[1], [2, 3]]);
});

test('at the bound an item is refused and counted; what waits is kept', () => {
  const { writer, written, endTurn, refused } = setUp({ itemsQueuedMax: 2 });
  expect([1, 2, 3].map((item) => writer.push(item))).toEqual([true, true, false]);
  expect(refused()).toBe(1);
  endTurn();
  expect(written).toEqual([[1, 2]]);
});

test('close writes the rest even to a slow peer and takes no more', () => {
  const { writer, written, endTurn, peer } = setUp({ itemsPerMessageMax: 1 });
  peer.accepts = false;
  writer.push(1);
  endTurn();
  writer.push(2);
  writer.push(3);
  writer.close();
  expect(written).toEqual([[1], [2], [3]]);
  expect(writer.push(4)).toBe(false);
});

test('a queue that is never empty keeps its order', () => {
  const { writer, written, endTurn, drain, peer } = setUp({ itemsPerMessageMax: 1, itemsQueuedMax: 3 });
  peer.accepts = false;
  writer.push(0);
  endTurn();
  for (let item = 1; item < 50; item += 1) {
    writer.push(item);
    drain();
  }
  writer.close();
  expect(written.flat()).toEqual(Array.from({ length: 50 }, (_, index) => index));
});
