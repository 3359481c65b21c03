import { resolve } from 'node:path';
import { failure, isFailure, type Failure } from '@meseta/model';
import { parseAddress } from './address';
import { parseDurationMs } from './duration';
import type { OptionSpec } from './option';

/** Any value that an option may hold. */
export type AnyOptionValue = string | number | boolean | readonly string[];

/** Reads the text of one option. The failure says the rule, without naming the flag: the caller knows which it was. */
export function parseOption(spec: OptionSpec, text: string): AnyOptionValue | Failure {
  const value = parseKind(spec, text);
  if (isFailure(value)) return spec.secret === true ? failure('invalid', `must be ${wordOf(spec)}`) : value;
  if (spec.choices !== undefined) {
    const chosen = typeof value === 'object' ? value : [value];
    const wrong = chosen.find((item) => !spec.choices?.includes(String(item)));
    if (wrong !== undefined) {
      return failure('invalid', `must be ${alternatives(spec.choices)}${got(spec, String(wrong))}`);
    }
  }
  return value;
}

/** What a value of this kind looks like, for messages and help. */
export function wordOf(spec: OptionSpec): string {
  switch (spec.kind) {
    case 'string':
      return 'text';
    case 'integer':
      return 'a whole number';
    case 'number':
      return 'a number';
    case 'port':
      return 'a port from 0 to 65535 (0 is any free one)';
    case 'boolean':
      return 'true or false';
    case 'duration':
      return 'a duration such as 500ms, 15s, 5m or 1h';
    case 'list':
      return 'a comma-separated list';
    case 'path':
      return 'a path';
    case 'address':
      return 'host:port';
    case 'addresses':
      return 'host:port[,host:port…]';
  }
}

function parseKind(spec: OptionSpec, text: string): AnyOptionValue | Failure {
  const wrong = (): Failure => failure('invalid', `must be ${wordOf(spec)}${got(spec, text)}`);
  switch (spec.kind) {
    case 'string':
      return text === '' ? failure('invalid', 'must not be empty') : text;
    case 'path':
      return text === '' ? failure('invalid', 'must not be empty') : resolve(text);
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? inBounds(spec, Number(text)) : wrong();
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? inBounds(spec, Number(text)) : wrong();
    case 'port':
      return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? inBounds(spec, Number(text)) : wrong();
    case 'boolean':
      if (text === 'true' || text === '1') return true;
      return text === 'false' || text === '0' ? false : wrong();
    case 'duration': {
      const ms = parseDurationMs(text);
      return isFailure(ms) ? wrong() : inBounds(spec, ms);
    }
    case 'list':
      return splitList(text);
    case 'address':
      return isFailure(parseAddress(text)) ? wrong() : text.trim();
    case 'addresses': {
      const items = splitList(text);
      return items.length === 0 || items.some((item) => isFailure(parseAddress(item))) ? wrong() : items;
    }
  }
}

function inBounds(spec: OptionSpec, value: number): number | Failure {
  if (spec.min !== undefined && value < spec.min) {
    return failure('invalid', `must be at least ${bound(spec, spec.min)}${got(spec, bound(spec, value))}`);
  }
  if (spec.max !== undefined && value > spec.max) {
    return failure('invalid', `must be at most ${bound(spec, spec.max)}${got(spec, bound(spec, value))}`);
  }
  return value;
}

function bound(spec: OptionSpec, value: number): string {
  return spec.kind === 'duration' ? `${value}ms` : String(value);
}

function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function got(spec: OptionSpec, text: string): string {
  return spec.secret === true ? '' : `, not "${text}"`;
}

function alternatives(choices: readonly string[]): string {
  return choices.length === 1
    ? `${choices[0] ?? ''}`
    : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1) ?? ''}`;
}
