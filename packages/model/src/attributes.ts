import type { Failure } from './failure';
import { failure, isFailure } from './failure';
import { fromMilli, parseMilli } from './values/scalar';
import type { Ranges } from './values/ranges';
import { parseRanges, printRanges } from './values/ranges';

/** A fact about an agent that frameworks may choose by. Not consumed, and the same name may occur more than once. */
export interface Attribute {
  readonly name: string;
  readonly value:
    | { readonly kind: 'scalar'; readonly milli: number }
    | { readonly kind: 'ranges'; readonly ranges: Ranges }
    | { readonly kind: 'text'; readonly text: string };
}

/**
 * Reads what an operator writes: `rack:a;level:10;keys:[1000-1500]`. What looks like a number is a scalar, what has brackets is ranges,
 * a set is refused, everything else is text.
 */
export function parseAttributes(text: string): readonly Attribute[] | Failure {
  const attributes: Attribute[] = [];
  for (const part of text.split(/[;\n]/)) {
    if (part.trim() === '') continue;
    const attribute = parseAttribute(part.trim());
    if (isFailure(attribute)) return attribute;
    attributes.push(attribute);
  }
  return attributes;
}

function parseAttribute(part: string): Attribute | Failure {
  const colon = part.indexOf(':');
  const name = colon < 0 ? '' : part.slice(0, colon).trim();
  const text = part.slice(colon + 1).trim();
  if (name === '' || text === '') {
    return failure('invalid', `attribute '${part}' must have the form name:value`, { field: 'attributes' });
  }
  const field = `attribute ${name}`;
  if (text.startsWith('{'))
    return failure('invalid', `${field} must not be a set; sets are for resources only`, { field });
  if (text.startsWith('[')) {
    const ranges = parseRanges(field, text);
    return isFailure(ranges) ? ranges : { name, value: { kind: 'ranges', ranges } };
  }
  const milli = parseMilli(field, text);
  if (isFailure(milli) || fromMilli(milli) !== Number(text)) return { name, value: { kind: 'text', text } };
  return { name, value: { kind: 'scalar', milli } };
}

/** The same syntax again. */
export function printAttributes(attributes: readonly Attribute[]): string {
  return attributes.map(({ name, value }) => `${name}:${printValue(value)}`).join(';');
}

function printValue(value: Attribute['value']): string {
  switch (value.kind) {
    case 'scalar':
      return String(fromMilli(value.milli));
    case 'ranges':
      return printRanges(value.ranges);
    case 'text':
      return value.text;
  }
}
