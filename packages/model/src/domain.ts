import { failure, type Failure } from './failure';

/** Where a machine stands (R66). A zone is what fails together; a region is a set of zones with quick links between them. */
export interface Domain {
  readonly region: string;
  /** Unique in its region. */
  readonly zone: string;
}

/** Reads what an operator writes: `region/zone`, or as Mesos has it, `{"fault_domain":{"region":{"name":"…"},"zone":{"name":"…"}}}`. */
export function parseDomain(text: string): Domain | Failure {
  const domain = text.trimStart().startsWith('{') ? parseJson(text) : parseShort(text);
  return domain ?? failure('invalid', `${rule}, not '${text}'`, { field: 'domain' });
}

/** The short form again. */
export function printDomain({ region, zone }: Domain): string {
  return `${region}/${zone}`;
}

const rule =
  'domain must be region/zone, or {"fault_domain":{"region":{"name":"region"},"zone":{"name":"zone"}}}';

function parseShort(text: string): Domain | undefined {
  const [region, zone, ...more] = text.split('/').map((name) => name.trim());
  return isName(region) && isName(zone) && more.length === 0 ? { region, zone } : undefined;
}

function parseJson(text: string): Domain | Failure | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failure('invalid', `domain is not JSON: ${why}`, { field: 'domain' });
  }
  const place = onlyOf(parsed, ['fault_domain']);
  const halves = onlyOf(place?.['fault_domain'], ['region', 'zone']);
  const region = onlyOf(halves?.['region'], ['name'])?.['name'];
  const zone = onlyOf(halves?.['zone'], ['name'])?.['name'];
  return isName(region) && isName(zone) ? { region, zone } : undefined;
}

/** An object that has these keys and no other: a misspelt one would be passed over. */
function onlyOf(value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const own = Object.keys(value);
  return own.length === keys.length && keys.every((key) => own.includes(key))
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
