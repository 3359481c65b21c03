import { msOfNanoseconds, nanosecondsOf } from './instant';

test.each([
  [0, 0n],
  [1.5, 1_500_000n],
  [0.000_001, 1n],
  [-1.5, -1_500_000n],
  [1_795_791_387_017, 1_795_791_387_017_000_000n],
])('%d ms are %d ns, and back', (ms, nanoseconds) => {
  expect(nanosecondsOf(ms)).toBe(nanoseconds);
  expect(msOfNanoseconds(nanoseconds)).toBe(ms);
});
