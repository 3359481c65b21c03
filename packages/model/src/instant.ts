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
