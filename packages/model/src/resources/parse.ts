import type { Failure } from '../failure';
import { failure, isFailure } from '../failure';
import { defaultRole as nobody, validateRole } from '../roles';
import { parseRanges } from '../values/ranges';
import { parseMilli } from '../values/scalar';
import { parseItems } from '../values/sets';
import { parseResourcesJson } from './json';
import type { Resource, ResourceValue } from './resource';
import { validateResources } from './validate';

/** Reads the text form or the JSON form (R8); a failure names the part that broke a rule. */
export function parseResources(text: string, defaultRole: string): readonly Resource[] | Failure {
  const refusedRole = validateRole(defaultRole);
  if (refusedRole !== undefined) return refusedRole;
  const entries = text.trimStart().startsWith('[') ? parseResourcesJson(text) : parseText(text);
  if (isFailure(entries)) return entries;
  return validateResources(entries) ?? entries.map((entry) => withDefaultRole(entry, defaultRole));
}

function parseText(text: string): readonly Resource[] | Failure {
  const entries: Resource[] = [];
  for (const part of text.split(/[;\n]/)) {
    if (part.trim() === '') continue;
    const entry = parseEntry(part.trim());
    if (isFailure(entry)) return entry;
    entries.push(entry);
  }
  return entries;
}

function parseEntry(part: string): Resource | Failure {
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
  const role = match[2]?.trim();
  const refusedRole = role === undefined ? undefined : validateRole(role);
  if (refusedRole !== undefined) {
    return failure('invalid', `resource ${name}: ${refusedRole.message}`, { field: `resource ${name}` });
  }
  const value = parseValue(`resource ${name}`, text);
  if (isFailure(value)) return value;
  return {
    name,
    value,
    reservations: role === undefined || role === nobody ? [] : [{ type: 'STATIC', role }],
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

/** An entry that names no role takes the default one (R9); `cpus(*):1` names nobody, which reads the same as naming none. */
function withDefaultRole(entry: Resource, role: string): Resource {
  if (role === nobody || entry.reservations.length > 0) return entry;
  return { ...entry, reservations: [{ type: 'STATIC', role }] };
}
