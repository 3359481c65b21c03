import { addCounts, countWords, firstDifference, mostFrequent, type Counts } from './words';

const counted = (text: string): Counts => {
  const counts: Counts = new Map();
  countWords(text, counts);
  return counts;
};

test('words are runs of letters in lower case', () => {
  expect([...counted("Die Straße, the ROAD; don't road2road")]).toEqual([
    ['die', 1],
    ['straße', 1],
    ['the', 1],
    ['road', 3],
    ['don', 1],
    ['t', 1],
  ]);
});

test('counts of parts add up to the counts of the whole', () => {
  const sum = counted('a b a');
  addCounts(counted('b c'), sum);
  expect(firstDifference(sum, counted('a b a b c'))).toBeUndefined();
  expect(firstDifference(sum, counted('a b c'))).toBe('a');
  expect(firstDifference(counted('a'), counted('a b'))).toBe('b');
});

test('the most frequent come first, ties by name', () => {
  expect(mostFrequent(counted('z a z b'), 2)).toEqual([
    ['z', 2],
    ['a', 1],
  ]);
});
