import { failure, type Failure } from '@meseta/model';

const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  sec: 1000,
  secs: 1000,
  m: 60_000,
  min: 60_000,
  mins: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  hrs: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
  w: 604_800_000,
  week: 604_800_000,
  weeks: 604_800_000,
};

/**
 * Reads a duration such as `15s`, `1.5h` or `500ms` into milliseconds; `0` needs no unit.
 *
 * The long unit names (`secs`, `mins`, `hrs`, `days`, `weeks`) are those that Mesos flags take.
 */
export function parseDurationMs(text: string): number | Failure {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim());
  const amount = Number(match?.[1]);
  if (match !== null && amount === 0 && match[2] === '') return 0;
  const unitMs = unitsMs[match?.[2] ?? ''];
  if (match === null || unitMs === undefined) {
    return failure('invalid', `"${text}" is not a duration such as 500ms, 15s, 5m, 1h or 7d`);
  }
  return amount * unitMs;
}

/** Prints milliseconds the short way: 90000 is `1m30s`, 250 is `250ms`. */
export function printDurationMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const parts: string[] = [];
  let rest = Math.round(ms / 1000);
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / seconds);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * seconds;
  }
  return parts.slice(0, 2).join('');
}
