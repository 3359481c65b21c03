import type { Failure } from '../failure';
import { failure } from '../failure';

/** Whole numbers from `begin` to `end`, both included. */
export interface Range {
  readonly begin: number;
  readonly end: number;
}

/** Ranges in normal form: sorted, and merged where they overlap or touch. Every function here gives and expects this form. */
export type Ranges = readonly Range[];

export const noRanges: Ranges = [];

/** Brings ranges that came from anywhere into normal form; pairs that run backwards are refused by {@link validateRanges}, not here. */
export function normalRanges(ranges: Iterable<Range>): Ranges {
  const sorted = [...ranges].sort((a, b) => a.begin - b.begin || a.end - b.end);
  const merged: Range[] = [];
  for (const range of sorted) {
    const last = merged[merged.length - 1];
    if (last !== undefined && range.begin <= last.end + 1) {
      if (range.end > last.end) merged[merged.length - 1] = { begin: last.begin, end: range.end };
    } else {
      merged.push({ begin: range.begin, end: range.end });
    }
  }
  return merged;
}

/** Every number that is in one or the other. */
export function unionOf(a: Ranges, b: Ranges): Ranges {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return normalRanges([...a, ...b]);
}

/** Every number of `a` that is not in `b`. */
export function differenceOf(a: Ranges, b: Ranges): Ranges {
  if (a.length === 0 || b.length === 0) return a;
  const left: Range[] = [];
  let from = 0;
  for (const range of a) {
    let begin = range.begin;
    while (from < b.length && (b[from] as Range).end < begin) from++;
    for (let i = from; i < b.length && begin <= range.end; i++) {
      const cut = b[i] as Range;
      if (cut.begin > range.end) break;
      if (cut.begin > begin) left.push({ begin, end: cut.begin - 1 });
      begin = cut.end + 1;
    }
    if (begin <= range.end) left.push({ begin, end: range.end });
  }
  return left;
}

/** Whether a number lies in ranges. */
export function isInRanges(ranges: Ranges, value: number): boolean {
  return ranges.some(({ begin, end }) => begin <= value && value <= end);
}

/** Whether every number of `b` is in `a`. */
export function rangesContain(a: Ranges, b: Ranges): boolean {
  let i = 0;
  for (const range of b) {
    while (i < a.length && (a[i] as Range).end < range.begin) i++;
    const holder = a[i];
    if (holder === undefined || holder.begin > range.begin || holder.end < range.end) return false;
  }
  return true;
}

export function rangesEqual(a: Ranges, b: Ranges): boolean {
  return (
    a === b ||
    (a.length === b.length && a.every((range, i) => range.begin === b[i]?.begin && range.end === b[i]?.end))
  );
}

/** How many numbers there are in all. */
export function sizeOf(ranges: Ranges): number {
  let size = 0;
  for (const { begin, end } of ranges) size += end - begin + 1;
  return size;
}

/** The rule for one range that came from outside: whole numbers from 0 on, the begin not after the end. */
export function validateRanges(field: string, ranges: Iterable<Range>): Failure | undefined {
  for (const { begin, end } of ranges) {
    if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || begin < 0) {
      return failure('invalid', `${field} must consist of whole numbers from 0 on`, { field });
    }
    if (begin > end)
      return failure('invalid', `${field} has the range ${begin}-${end}, which runs backwards`, { field });
  }
  return undefined;
}

/** Reads `[31000-32000,33000-33010]`. */
export function parseRanges(field: string, text: string): Ranges | Failure {
  const refuse = (): Failure =>
    failure('invalid', `${field} must be ranges such as [31000-32000,33000-33010], not '${text}'`, { field });
  const inner = /^\[(.*)\]$/.exec(text)?.[1];
  if (inner === undefined) return refuse();
  if (inner.trim() === '') return noRanges;
  const ranges: Range[] = [];
  for (const part of inner.split(',')) {
    const match = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(part);
    if (match === null) return refuse();
    ranges.push({ begin: Number(match[1]), end: Number(match[2]) });
  }
  return validateRanges(field, ranges) ?? normalRanges(ranges);
}

export function printRanges(ranges: Ranges): string {
  return `[${ranges.map(({ begin, end }) => `${begin}-${end}`).join(',')}]`;
}
