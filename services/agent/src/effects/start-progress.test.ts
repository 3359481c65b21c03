import { megabytesOf, progressEvery } from './start-progress';

test('progress is told once an interval, as it is then', () => {
  const told: string[] = [];
  let now = 0;
  const say = progressEvery(
    1_000,
    (words) => told.push(words),
    () => now,
  );
  for (now = 0; now <= 2_500; now += 100) say(() => `at ${now}`);
  expect(told).toEqual(['at 1000', 'at 2000']);
});

test('an interval of 0 tells nothing', () => {
  const told: string[] = [];
  progressEvery(
    0,
    (words) => told.push(words),
    () => Number.MAX_VALUE,
  )(() => 'never');
  expect(told).toEqual([]);
});

test.each([
  [1, undefined, '1 MB'],
  [45 * 1024 * 1024, 120 * 1024 * 1024, '45 of 120 MB'],
  [10, 5, '1 MB'],
])('%d of %s bytes are %s', (bytes, total, text) => {
  expect(megabytesOf(bytes, total)).toBe(text);
});
