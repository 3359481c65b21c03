import { assertNever } from '../assert';
import type { Failure } from '../failure';
import { failure, isFailure } from '../failure';
import { validateId } from '../ids';
import { addableKey, reservationsKey } from './addable';
import type { Resource } from './resource';
import { isPersistentVolume, reservedRole } from './resource';
import { Resources } from './resources';

/** What may be done to resources besides using them: the operations that change what they are (S73 – S78). */
export type ResourceOperation =
  /** Sets resources aside: they gain a layer of reservation, or, with a source, exchange one stack for another (R31). */
  | { readonly kind: 'reserve'; readonly resources: Resources; readonly source: Resources }
  /** Undoes the last layer, a dynamic one. */
  | { readonly kind: 'unreserve'; readonly resources: Resources }
  /** Makes persistent volumes of reserved disk. */
  | { readonly kind: 'create'; readonly volumes: Resources }
  /** Ends persistent volumes: their disk is plain reserved disk again, and what is on them is deleted. */
  | { readonly kind: 'destroy'; readonly volumes: Resources }
  | { readonly kind: 'growVolume'; readonly volume: Resource; readonly addition: Resource }
  | { readonly kind: 'shrinkVolume'; readonly volume: Resource; readonly subtractMilli: number };

/** What an operation takes, and what it makes of it. Both are of the same amounts. */
export interface Conversion {
  readonly consumed: Resources;
  readonly converted: Resources;
}

/** What an operation does, or the rule that it breaks whatever the resources are. */
export function conversionOf(operation: ResourceOperation): Conversion | Failure {
  switch (operation.kind) {
    case 'reserve':
      return reserve(operation.resources, operation.source);
    case 'unreserve':
      return unreserve(operation.resources);
    case 'create':
      return create(operation.volumes);
    case 'destroy':
      return destroy(operation.volumes);
    case 'growVolume':
      return growVolume(operation.volume, operation.addition);
    case 'shrinkVolume':
      return shrinkVolume(operation.volume, operation.subtractMilli);
    default:
      return assertNever(operation);
  }
}

/**
 * The operation with the volumes that it ends or resizes as they were made: it may name them with another mount path, mode or principal (R43, R56), which
 * must not become theirs.
 *
 * @param total what has them
 */
export function asMade(total: Resources, operation: ResourceOperation): ResourceOperation {
  return operation.kind === 'create'
    ? operation
    : mapResources(operation, (resources) => resources.describedBy(total));
}

/** The roles that the resources of an operation say they are allocated to (R14). */
export function allocationRolesOf(operation: ResourceOperation): ReadonlySet<string> {
  const roles = new Set<string>();
  mapResources(operation, (resources) => {
    for (const { allocationRole } of resources.entries)
      if (allocationRole !== undefined) roles.add(allocationRole);
    return resources;
  });
  return roles;
}

/** The same operation on what is allocated to nobody: the form of an agent's totals. */
export function unallocated(operation: ResourceOperation): ResourceOperation {
  return mapResources(operation, (resources) => resources.unallocate());
}

/** The resources after an operation; a failure when it breaks a rule or they do not hold what it takes. */
export function applyOperation(total: Resources, operation: ResourceOperation): Resources | Failure {
  const conversion = conversionOf(asMade(total, operation));
  if (isFailure(conversion)) return conversion;
  if (!total.contains(conversion.consumed)) {
    return failure(
      'conflict',
      `there is no ${conversion.consumed.toString()} in ${total.isEmpty ? 'nothing' : total.toString()}`,
      { field: 'resources' },
    );
  }
  const taken = operation.kind === 'create' ? volumeInUse(total, operation.volumes) : undefined;
  return taken ?? total.subtract(conversion.consumed).add(conversion.converted);
}

/** Within one role of an agent the id of a volume is unique (R42). */
function volumeInUse(total: Resources, volumes: Resources): Failure | undefined {
  for (const volume of volumes.entries) {
    const id = volume.disk?.persistence?.id;
    const role = reservedRole(volume);
    const same = total.entries.some((one) => one.disk?.persistence?.id === id && reservedRole(one) === role);
    if (same) {
      return failure('conflict', `a volume ${String(id)} of role ${String(role)} is there already`, {
        field: 'volumes',
      });
    }
  }
  return undefined;
}

function reserve(resources: Resources, source: Resources): Conversion | Failure {
  const refused = someOf('resources', resources) ?? Resources.validate(resources.entries);
  if (refused !== undefined) return refused;
  for (const entry of resources.entries) {
    const last = entry.reservations[entry.reservations.length - 1];
    if (last?.type !== 'DYNAMIC')
      return refuse('resources', `${entry.name} must end with a dynamic reservation`);
    if (isPersistentVolume(entry)) return refuse('resources', `${entry.name} must not be a volume`);
  }
  if (source.isEmpty) return { consumed: resources.map(popReservation), converted: resources };
  return validateExchange(resources, source) ?? { consumed: source, converted: resources };
}

/** One stack of reservations becomes another; what the agent's configuration reserved stays so (R24), or the agent would not start again. */
function validateExchange(resources: Resources, source: Resources): Failure | undefined {
  if (!bare(source).equals(bare(resources)))
    return refuse('source', 'must be the same resources but for their reservations');
  for (const entry of source.entries)
    if (isPersistentVolume(entry)) return refuse('source', `${entry.name} must not be a volume`);
  if (!isUniform(resources)) return refuse('resources', 'must all have the same reservations');
  if (!isUniform(source)) return refuse('source', 'must all have the same reservations');
  const [from, to] = [source, resources].map((bag) => reservationsKey(staticPart(bag.entries[0])));
  if (from === to) return undefined;
  return refuse(
    'source',
    "must have the same STATIC reservation as resources: only an agent's configuration changes it",
  );
}

function isUniform({ entries }: Resources): boolean {
  return new Set(entries.map(reservationsKey)).size <= 1;
}

function staticPart(entry: Resource | undefined): Pick<Resource, 'reservations'> {
  return { reservations: entry?.reservations.filter(({ type }) => type === 'STATIC') ?? [] };
}

function unreserve(resources: Resources): Conversion | Failure {
  const refused = someOf('resources', resources);
  if (refused !== undefined) return refused;
  for (const entry of resources.entries) {
    const last = entry.reservations[entry.reservations.length - 1];
    if (last === undefined) return refuse('resources', `${entry.name} is not reserved`);
    if (last.type !== 'DYNAMIC')
      return refuse('resources', `${entry.name} is reserved by its agent's configuration (STATIC)`);
    if (isPersistentVolume(entry))
      return refuse('resources', `${entry.name} is a persistent volume: destroy it first`);
  }
  return { consumed: resources, converted: resources.map(popReservation) };
}

function create(volumes: Resources): Conversion | Failure {
  const refused = someOf('volumes', volumes) ?? Resources.validate(volumes.entries);
  if (refused !== undefined) return refused;
  const seen = new Set<string>();
  for (const volume of volumes.entries) {
    const invalid = validateNewVolume(volume);
    if (invalid !== undefined) return invalid;
    const key = `${String(reservedRole(volume))}/${String(volume.disk?.persistence?.id)}`;
    if (seen.has(key)) return refuse('volumes', `${key} is named twice`);
    seen.add(key);
  }
  return { consumed: volumes.map(plainDisk), converted: volumes };
}

function validateNewVolume({ name, disk, value, reservations, revocable }: Resource): Failure | undefined {
  if (name !== 'disk' || value.kind !== 'scalar') return refuse('volumes', `${name} is not a disk`);
  if (disk?.persistence === undefined) return refuse('volumes', 'must have disk.persistence');
  const invalid = validateId('disk.persistence.id', disk.persistence.id);
  if (invalid !== undefined) return invalid;
  if (disk.volume === undefined || disk.volume.containerPath === '')
    return refuse('volumes', 'must have disk.volume.container_path');
  if (disk.volume.hostPath !== undefined) return refuse('volumes', 'must not have disk.volume.host_path');
  if (disk.volume.mode !== 'RW') return refuse('volumes', 'must have disk.volume.mode RW');
  if (reservations.length === 0) return refuse('volumes', 'must be reserved');
  if (revocable === true) return refuse('volumes', 'must not be revocable');
  if (disk.source?.type === 'BLOCK' || disk.source?.type === 'RAW')
    return refuse('volumes', `must not be on a disk of type ${disk.source.type}`);
  return undefined;
}

function destroy(volumes: Resources): Conversion | Failure {
  const refused = someOf('volumes', volumes);
  if (refused !== undefined) return refused;
  for (const volume of volumes.entries)
    if (!isPersistentVolume(volume)) return refuse('volumes', `${volume.name} is not a persistent volume`);
  return { consumed: volumes, converted: volumes.map(plainDisk) };
}

function growVolume(volume: Resource, addition: Resource): Conversion | Failure {
  const refused = validateResizable(volume);
  if (refused !== undefined) return refused;
  if (addition.value.kind !== 'scalar' || addition.value.milli <= 0)
    return refuse('addition', 'must be more than nothing');
  if (addableKey(addition) !== addableKey(plainDisk(volume)))
    return refuse('addition', 'must be disk of the same source and reservation as the volume');
  return {
    consumed: Resources.of([volume, addition]),
    converted: Resources.of([withMilli(volume, milliOf(volume) + addition.value.milli)]),
  };
}

function shrinkVolume(volume: Resource, subtractMilli: number): Conversion | Failure {
  const refused = validateResizable(volume);
  if (refused !== undefined) return refused;
  const milli = milliOf(volume);
  if (!(subtractMilli > 0 && subtractMilli < milli))
    return refuse('subtract', 'must be more than nothing and less than the volume');
  return {
    consumed: Resources.of([volume]),
    converted: Resources.of([
      withMilli(volume, milli - subtractMilli),
      withMilli(plainDisk(volume), subtractMilli),
    ]),
  };
}

function validateResizable(volume: Resource): Failure | undefined {
  if (!isPersistentVolume(volume)) return refuse('volume', 'must be a persistent volume');
  if (volume.shared === true) return refuse('volume', 'must not be shared');
  if (volume.disk?.source?.type === 'MOUNT')
    return refuse('volume', 'must not be on a disk of type MOUNT: it is given out whole');
  if (volume.providerId !== undefined) return refuse('volume', 'must not be of a resource provider');
  return undefined;
}

/** The disk that a volume is made of. */
function plainDisk(volume: Resource): Resource {
  const { disk, shared: _, ...rest } = volume;
  return disk?.source === undefined ? rest : { ...rest, disk: { source: disk.source } };
}

/** @param fn what becomes of one entry is one entry */
function mapResources(
  operation: ResourceOperation,
  fn: (resources: Resources) => Resources,
): ResourceOperation {
  const one = (resource: Resource): Resource => fn(Resources.of([resource])).entries[0] ?? resource;
  switch (operation.kind) {
    case 'reserve':
      return { ...operation, resources: fn(operation.resources), source: fn(operation.source) };
    case 'unreserve':
      return { ...operation, resources: fn(operation.resources) };
    case 'create':
    case 'destroy':
      return { ...operation, volumes: fn(operation.volumes) };
    case 'growVolume':
      return { ...operation, volume: one(operation.volume), addition: one(operation.addition) };
    case 'shrinkVolume':
      return { ...operation, volume: one(operation.volume) };
    default:
      return assertNever(operation);
  }
}

function popReservation(resource: Resource): Resource {
  return { ...resource, reservations: resource.reservations.slice(0, -1) };
}

/** Amounts without who holds them. */
function bare(resources: Resources): Resources {
  return resources.map((entry) => ({ ...entry, reservations: [] }));
}

function milliOf({ value }: Resource): number {
  return value.kind === 'scalar' ? value.milli : 0;
}

function withMilli(resource: Resource, milli: number): Resource {
  return { ...resource, value: { kind: 'scalar', milli } };
}

function someOf(field: string, resources: Resources): Failure | undefined {
  return resources.isEmpty ? refuse(field, 'must not be empty') : undefined;
}

function refuse(field: string, rule: string): Failure {
  return failure('invalid', `${field}: ${rule}`, { field });
}
