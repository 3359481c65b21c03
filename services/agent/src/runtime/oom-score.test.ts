import { oomScoreOf } from './oom-score';

const gib = 1024 ** 3;

test.each([
  ['one that asked for nothing', undefined, undefined, undefined],
  ['one with its bound where its request is', gib, gib, undefined],
  ['one that asked for a quarter of the machine', gib, 2 * gib, 750],
  ['one without a bound', 2 * gib, undefined, 500],
  ['one that asked for next to nothing', 32 * 1024 ** 2, gib, 993],
  ['one that asked for nearly all', 4 * gib - 1, undefined, 2],
] as const)('G53: %s', (_, memoryRequestBytes, memoryBytes, expected) => {
  const limits = {
    cpuMilli: 100,
    ...(memoryRequestBytes !== undefined && { memoryRequestBytes }),
    ...(memoryBytes !== undefined && { memoryBytes }),
  };
  expect(oomScoreOf(limits, 4 * gib)).toBe(expected);
});
