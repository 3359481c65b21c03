import type { Failure } from '../failure';
import { failure } from '../failure';

/**
 * Amounts are counted in whole thousandths, so that 0.1 + 0.2 is 0.3: a double is rounded to three decimals before any arithmetic
 * (Mesos `values.cpp` does the same).
 */
export const milliPerUnit = 1000;

/** The greatest amount whose thousandths are still exact in a double. */
export const unitsMax = Math.floor(Number.MAX_SAFE_INTEGER / milliPerUnit);

/** Thousandths of an amount, rounded to the nearest. */
export function toMilli(units: number): number {
  return Math.round(units * milliPerUnit);
}

/** The amount that so many thousandths are. */
export function fromMilli(milli: number): number {
  return milli / milliPerUnit;
}

/** Thousandths of an amount that came from outside: finite, not negative, and not so small that rounding loses it. */
export function checkedMilli(field: string, units: number): number | Failure {
  if (!Number.isFinite(units)) return failure('invalid', `${field} must be a finite number`, { field });
  if (units < 0) return failure('invalid', `${field} must not be negative`, { field });
  if (units > unitsMax) return failure('invalid', `${field} must not be greater than ${unitsMax}`, { field });
  const milli = toMilli(units);
  if (milli === 0 && units !== 0)
    return failure('invalid', `${field} must be 0 or at least 0.001`, { field });
  return milli;
}

/** Reads a decimal number as an operator writes it: digits with an optional fraction and exponent; no hex, no Infinity. */
export function parseMilli(field: string, text: string): number | Failure {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    return failure('invalid', `${field} must be a number, not '${text}'`, { field });
  }
  return checkedMilli(field, Number(text));
}
