import type { Failure } from '../failure';
import { failure, isFailure } from '../failure';
import { defaultRole as nobody, validateRole } from '../roles';
import { parseRanges } from '../values/ranges';
import { parseMilli } from '../values/scalar';
import { parseItems } from '../values/sets';
import { parseResourcesJson } from './json';
import type { Resource, ResourceValue } from './resource';
import { validateResources } from './validate';

/**
 * Reads the text form or the JSON form (R8), with the entries of nothing; a failure names the part that broke a rule.
 *
 * @param defaultRole the role of entries that name none (R9); `cpus(*):1` names nobody and stays unreserved
 */
export function parseResources(text: string, defaultRole: string): readonly Resource[] | Failure {
  const refusedRole = validateRole(defaultRole);
  if (refusedRole !== undefined) return refusedRole;
  const entries = text.trimStart().startsWith('[')
    ? parseResourcesJson(text, defaultRole)
    : parseText(text, defaultRole);
  if (isFailure(entries)) return entries;
  return validateResources(entries) ?? entries;
}

function parseText(text: string, defaultRole: string): readonly Resource[] | Failure {
  const entries: Resource[] = [];
  for (const part of text.split(/[;\n]/)) {
    if (part.trim() === '') continue;
    const entry = parseEntry(part.trim(), defaultRole);
    if (isFailure(entry)) return entry;
    entries.push(entry);
  }
  return entries;
}

function parseEntry(part: string, defaultRole: string): Resource | Failure {
  const colon = part.indexOf(':');
  const match =
    colon < 0 ? null : /^([^()[\]{}\s][^()[\]{}]*?)\s*(?:\(([^()]*)\))?$/.exec(part.slice(0, colon).trim());
  const text = part.slice(colon + 1).trim();
  if (match === null || text === '') {
    return failure('invalid', `resource '${part}' must have the form name:value or name(role):value`, {
      field: 'resources',
    });
  }
  const name = match[1] as string;
  const role = match[2]?.trim() ?? defaultRole;
  const refusedRole = validateRole(role);
  if (refusedRole !== undefined) {
    return failure('invalid', `resource ${name}: ${refusedRole.message}`, { field: `resource ${name}` });
  }
  const value = parseValue(`resource ${name}`, text);
  if (isFailure(value)) return value;
  return {
    name,
    value,
    reservations: role === nobody ? [] : [{ type: 'STATIC', role }],
  };
}

function parseValue(field: string, text: string): ResourceValue | Failure {
  if (text.startsWith('[')) {
    const ranges = parseRanges(field, text);
    return isFailure(ranges) ? ranges : { kind: 'ranges', ranges };
  }
  if (text.startsWith('{')) {
    const items = parseItems(field, text);
    return isFailure(items) ? items : { kind: 'set', items };
  }
  const milli = parseMilli(field, text);
  return isFailure(milli) ? milli : { kind: 'scalar', milli };
}
