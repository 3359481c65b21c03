import { readFileSync } from 'node:fs';
import { failure, isFailure, parseResources, Resources, type Failure, type Resource } from '@meseta/model';

const fileScheme = 'file://';

/** What the operator says that an agent has. */
export interface GivenResources {
  readonly resources: Resources;
  /** What was named, with nothing as well: it is not detected. */
  readonly names: ReadonlySet<string>;
}

/**
 * Reads `--resources` (R8): the text form, the JSON form, or `file:///path` of a file that holds either. What only comes to be while the cluster runs, as
 * dynamic reservations and volumes, cannot be given.
 *
 * @param defaultRole the role of what names none
 */
export function givenResources(given: string | undefined, defaultRole: string): GivenResources | Failure {
  const text = given?.startsWith(fileScheme) === true ? readGiven(given.slice(fileScheme.length)) : given;
  if (isFailure(text)) return text;
  const entries = parseResources(text ?? '', defaultRole);
  if (isFailure(entries)) return entries;
  const kinds = new Map<string, string>();
  for (const entry of entries) {
    const refused = ruleBrokenBy(entry, kinds);
    if (refused !== undefined)
      return failure('invalid', `resource ${entry.name} ${refused}`, { field: `resource ${entry.name}` });
  }
  return { resources: Resources.of(entries), names: new Set(kinds.keys()) };
}

function readGiven(path: string): string | Failure {
  if (!path.startsWith('/'))
    return failure('invalid', `'${fileScheme}${path}' must name an absolute path, as file:///etc/resources`, {
      field: 'resources',
    });
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    return failure('invalid', `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'error'}`, {
      field: 'resources',
    });
  }
}

/** @param kinds the kind of each name so far, which this adds to */
function ruleBrokenBy(entry: Resource, kinds: Map<string, string>): string | undefined {
  const { name, value, disk, revocable, reservations, allocationRole } = entry;
  const kind = kinds.get(name) ?? value.kind;
  kinds.set(name, kind);
  if (kind !== value.kind) return `must be of one kind, not both ${kind} and ${value.kind}`;
  if (disk?.persistence !== undefined) return 'must not be a persistent volume: volumes are made by CREATE';
  if (revocable === true) return 'must not be revocable: a resource estimator says what is lent';
  if (reservations.some(({ type }) => type === 'DYNAMIC'))
    return 'must not be reserved dynamically: reservations here are STATIC';
  if (allocationRole !== undefined)
    return 'must not have allocation_info: what an agent has is allocated to nobody';
  return undefined;
}
