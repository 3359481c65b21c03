import type { Failure, Ranges } from '@meseta/model';
import { failure, normalRanges, validateRanges } from '@meseta/model';
import type { Value_Ranges } from '../gen/meseta/v1/values';

/** Ranges as they go over the wire. */
export function rangesToProto(ranges: Ranges): Value_Ranges {
  return { range: ranges.map(({ begin, end }) => ({ begin: BigInt(begin), end: BigInt(end) })) };
}

/** Ranges that came over the wire, in normal form. Numbers beyond 2^53 - 1 are refused: nothing that exists has them. */
export function rangesFromProto(field: string, ranges: Value_Ranges | undefined): Ranges | Failure {
  if (ranges === undefined) return failure('invalid', `${field} must have ranges`, { field });
  const converted = ranges.range.map(({ begin, end }) => ({
    begin: Number(begin ?? -1n),
    end: Number(end ?? -1n),
  }));
  return validateRanges(field, converted) ?? normalRanges(converted);
}
