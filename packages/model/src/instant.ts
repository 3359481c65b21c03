import type { Branded } from './ids';

/** A point in time: milliseconds since the Unix epoch. Durations are plain numbers whose names end in `Ms`. */
export type Instant = Branded<number, 'Instant'>;

/** Marks a number of milliseconds since the epoch as an instant. */
export function instant(msSinceEpoch: number): Instant {
  return msSinceEpoch as Instant;
}

/** The instant that lies this many milliseconds after (or, if negative, before) another. */
export function plusMs(from: Instant, durationMs: number): Instant {
  return (from + durationMs) as Instant;
}

/** Milliseconds from one instant to another; negative when `to` comes first. */
export function msBetween(from: Instant, to: Instant): number {
  return to - from;
}

/** Milliseconds as nanoseconds, which is what messages count times and durations in; a fraction of a nanosecond is rounded. */
export function nanosecondsOf(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6));
}

/** Nanoseconds as milliseconds, with a fraction. */
export function msOfNanoseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n) + Number(nanoseconds % 1_000_000n) / 1e6;
}
