import type { Failure } from '../failure';
import { failure, isFailure } from '../failure';
import { defaultRole as nobody } from '../roles';
import { normalRanges, validateRanges } from '../values/ranges';
import { checkedMilli } from '../values/scalar';
import { normalItems } from '../values/sets';
import type { DiskInfo, DiskSource, Label, Reservation, Resource, ResourceValue } from './resource';

/** An object of JSON whose members are not known yet. */
type Json = Readonly<Record<string, unknown>>;

class Malformed extends Error {}

/**
 * Reads the JSON form of `--resources`: an array of Mesos v1 Resource messages with the names of the protobuf fields. The older `role` and `reservation`
 * fields are taken too (R17), and an entry with neither has the default role. Throwing stays inside: the caller gets a failure that names the entry and the field.
 */
export function parseResourcesJson(text: string, defaultRole: string): readonly Resource[] | Failure {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return failure('invalid', `resources must be a JSON array: ${(error as Error).message}`, {
      field: 'resources',
    });
  }
  if (!Array.isArray(parsed))
    return failure('invalid', 'resources must be a JSON array', { field: 'resources' });
  const entries: Resource[] = [];
  for (const [i, item] of parsed.entries()) {
    try {
      entries.push(parseResource(asObject('entry', item), defaultRole));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return failure('invalid', `resources[${i}]: ${error.message}`, { field: 'resources' });
    }
  }
  return entries;
}

function parseResource(json: Json, defaultRole: string): Resource {
  const name = text('name', json['name']);
  if (name === undefined) throw new Malformed('name must be set');
  const disk = object('disk', json['disk']);
  const allocationRole = text('role', object('allocation_info', json['allocation_info'])?.['role']);
  const providerId = text('value', object('provider_id', json['provider_id'])?.['value']);
  return {
    name,
    value: parseValue(name, json),
    reservations: parseReservations(json, defaultRole),
    ...(allocationRole !== undefined && { allocationRole }),
    ...(disk !== undefined && { disk: parseDisk(disk) }),
    ...(json['revocable'] !== undefined && { revocable: true }),
    ...(json['shared'] !== undefined && { shared: true }),
    ...(providerId !== undefined && { providerId }),
  };
}

function parseValue(name: string, json: Json): ResourceValue {
  switch (json['type']) {
    case 'SCALAR': {
      const value = object('scalar', json['scalar'])?.['value'];
      if (typeof value !== 'number') throw new Malformed('scalar.value must be a number');
      return { kind: 'scalar', milli: good(checkedMilli(`resource ${name}`, value)) };
    }
    case 'RANGES': {
      const ranges = array('ranges.range', object('ranges', json['ranges'])?.['range']).map((item) => {
        const range = asObject('ranges.range', item);
        return { begin: whole('begin', range['begin']), end: whole('end', range['end']) };
      });
      const refused = validateRanges(`resource ${name}`, ranges);
      if (refused !== undefined) throw new Malformed(refused.message);
      return { kind: 'ranges', ranges: normalRanges(ranges) };
    }
    case 'SET': {
      const items = array('set.item', object('set', json['set'])?.['item']);
      return { kind: 'set', items: normalItems(items.map((item) => text('set.item', item) ?? '')) };
    }
    default:
      throw new Malformed('type must be SCALAR, RANGES or SET');
  }
}

function parseReservations(json: Json, defaultRole: string): readonly Reservation[] {
  const stack = array('reservations', json['reservations']).map((item) =>
    parseReservation(asObject('reservations', item)),
  );
  if (stack.length > 0) return stack;
  const role = text('role', json['role']) ?? defaultRole;
  if (role === nobody) return [];
  const old = object('reservation', json['reservation']);
  return [
    old === undefined ? { type: 'STATIC', role } : { ...parseReservation({ ...old, role, type: 'DYNAMIC' }) },
  ];
}

function parseReservation(json: Json): Reservation {
  const type = json['type'] ?? 'STATIC';
  if (type !== 'STATIC' && type !== 'DYNAMIC')
    throw new Malformed('reservations.type must be STATIC or DYNAMIC');
  const role = text('reservations.role', json['role']);
  if (role === undefined) throw new Malformed('reservations.role must be set');
  const principal = text('principal', json['principal']);
  const labels = parseLabels(json['labels']);
  return {
    type,
    role,
    ...(principal !== undefined && { principal }),
    ...(labels !== undefined && { labels }),
  };
}

function parseDisk(json: Json): DiskInfo {
  const persistence = object('disk.persistence', json['persistence']);
  const volume = object('disk.volume', json['volume']);
  const source = object('disk.source', json['source']);
  return {
    ...(persistence !== undefined && {
      persistence: {
        id: text('disk.persistence.id', persistence['id']) ?? '',
        ...optional('principal', text('principal', persistence['principal'])),
      },
    }),
    ...(volume !== undefined && {
      volume: {
        containerPath: text('disk.volume.container_path', volume['container_path']) ?? '',
        mode: volume['mode'] === 'RO' ? ('RO' as const) : ('RW' as const),
        ...optional('hostPath', text('disk.volume.host_path', volume['host_path'])),
      },
    }),
    ...(source !== undefined && { source: parseSource(source) }),
  };
}

function parseSource(json: Json): DiskSource {
  const type = json['type'];
  if (type !== 'PATH' && type !== 'MOUNT' && type !== 'BLOCK' && type !== 'RAW') {
    throw new Malformed('disk.source.type must be PATH, MOUNT, BLOCK or RAW');
  }
  const place = object(
    'disk.source',
    type === 'PATH' ? json['path'] : type === 'MOUNT' ? json['mount'] : undefined,
  );
  return {
    type,
    ...optional('root', text('root', place?.['root'])),
    ...optional('id', text('id', json['id'])),
    ...optional('profile', text('profile', json['profile'])),
    ...optional('vendor', text('vendor', json['vendor'])),
    ...optional('metadata', parseLabels(json['metadata'])),
  };
}

function parseLabels(json: unknown): readonly Label[] | undefined {
  const holder = object('labels', json);
  if (holder === undefined) return undefined;
  return array('labels', holder['labels']).map((item) => {
    const label = asObject('labels', item);
    return {
      key: text('labels.key', label['key']) ?? '',
      ...optional('value', text('labels.value', label['value'])),
    };
  });
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}

function good<T>(value: T | Failure): T {
  if (isFailure(value)) throw new Malformed(value.message);
  return value;
}

function asObject(field: string, json: unknown): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Malformed(`${field} must be an object`);
  return json as Json;
}

function object(field: string, json: unknown): Json | undefined {
  return json === undefined ? undefined : asObject(field, json);
}

function array(field: string, json: unknown): readonly unknown[] {
  if (json === undefined) return [];
  if (!Array.isArray(json)) throw new Malformed(`${field} must be an array`);
  return json;
}

function text(field: string, json: unknown): string | undefined {
  if (json === undefined) return undefined;
  if (typeof json !== 'string') throw new Malformed(`${field} must be a string`);
  return json;
}

/** Protobuf's JSON writes 64-bit numbers as strings; both are taken. */
function whole(field: string, json: unknown): number {
  const value = typeof json === 'string' && /^\d+$/.test(json) ? Number(json) : json;
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new Malformed(`${field} must be a whole number`);
  return value;
}
