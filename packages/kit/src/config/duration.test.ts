import { isFailure } from '@meseta/model';
import { parseDurationMs, printDurationMs } from './duration';

test.each([
  ['500ms', 500],
  ['15s', 15_000],
  ['1.5h', 5_400_000],
  ['2days', 172_800_000],
  ['10 mins', 600_000],
  ['0', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test.each(['', '5', '5x', '-1s', 's'])('"%s" is refused', (text) => {
  expect(isFailure(parseDurationMs(text))).toBe(true);
});

test.each([
  [250, '250ms'],
  [90_000, '1m30s'],
  [0, '0ms'],
  [90_061_000, '1d1h'],
])('%d ms prints as %s', (ms, text) => {
  expect(printDurationMs(ms)).toBe(text);
});
