import type {
  DiskInfo,
  DiskSource,
  Failure,
  Label,
  Reservation,
  Resource,
  ResourceValue,
} from '@meseta/model';
import {
  assertNever,
  checkedMilli,
  failure,
  fromMilli,
  isFailure,
  normalItems,
  Resources,
} from '@meseta/model';
import type { Labels } from '../gen/meseta/v1/labels';
import type {
  Resource as ProtoResource,
  Resource_DiskInfo,
  Resource_DiskInfo_Source,
  Resource_ReservationInfo,
} from '../gen/meseta/v1/resources';
import { Resource_DiskInfo_Source_Type, Resource_ReservationInfo_Type } from '../gen/meseta/v1/resources';
import { Value_Type } from '../gen/meseta/v1/values';
import { Volume_Mode } from '../gen/meseta/v1/volumes';
import { rangesFromProto, rangesToProto } from './values';

/** Resources as they go over the wire, in today's format: reservations as a stack (R17). */
export function resourcesToProto(resources: Resources): ProtoResource[] {
  return resources.entries.map(resourceToProto);
}

/**
 * Resources in the format before refinement, for whoever lacks the capability RESERVATION_REFINEMENT (R17, S46): `role`, and `reservation` for a
 * dynamic one. A stack of several layers has no such form and goes as it is; it is not offered to them.
 */
export function resourcesToOldProto(resources: Resources): ProtoResource[] {
  return resources.entries.map((resource) => {
    const [reservation, ...above] = resource.reservations;
    if (above.length > 0) return resourceToProto(resource);
    const plain = resourceToProto({ ...resource, reservations: [] });
    if (reservation === undefined) return { ...plain, role: '*' };
    const { type: _type, role: _role, ...made } = reservationToProto(reservation);
    return {
      ...plain,
      role: reservation.role,
      ...(reservation.type === 'DYNAMIC' && { reservation: made }),
    };
  });
}

/** One entry as it goes over the wire. */
export function resourceToProto(resource: Resource): ProtoResource {
  const { name, value, allocationRole, reservations, disk, revocable, shared, providerId } = resource;
  return {
    name,
    ...valueToProto(value),
    reservations: reservations.length === 0 ? [] : reservations.map(reservationToProto),
    ...(allocationRole !== undefined && { allocationInfo: { role: allocationRole } }),
    ...(disk !== undefined && { disk: diskToProto(disk) }),
    ...(revocable === true && { revocable: {} }),
    ...(shared === true && { shared: {} }),
    ...(providerId !== undefined && { providerId: { value: providerId } }),
  };
}

/**
 * Resources that came over the wire.
 *
 * Takes the format before refinement as well, `role` and `reservation`, and turns it into a stack of one (R17). A failure of kind `invalid` names the
 * resource and the rule that it broke.
 */
export function resourcesFromProto(resources: readonly ProtoResource[]): Resources | Failure {
  const entries: Resource[] = [];
  for (const resource of resources) {
    const entry = resourceFromProto(resource);
    if (isFailure(entry)) return entry;
    entries.push(entry);
  }
  return Resources.validate(entries) ?? Resources.of(entries);
}

function resourceFromProto(proto: ProtoResource): Resource | Failure {
  const { name, allocationInfo, disk, providerId } = proto;
  if (name === undefined || name === '')
    return failure('invalid', 'resource name must be set', { field: 'name' });
  const value = valueFromProto(`resource ${name}`, proto);
  if (isFailure(value)) return value;
  const reservations = reservationsFromProto(name, proto);
  if (isFailure(reservations)) return reservations;
  const converted = disk === undefined ? undefined : diskFromProto(disk);
  if (isFailure(converted)) return converted;
  return {
    name,
    value,
    reservations,
    ...(allocationInfo?.role !== undefined && { allocationRole: allocationInfo.role }),
    ...(converted !== undefined && { disk: converted }),
    ...(proto.revocable !== undefined && { revocable: true }),
    ...(proto.shared !== undefined && { shared: true }),
    ...(providerId?.value !== undefined && { providerId: providerId.value }),
  };
}

function valueToProto(value: ResourceValue): Pick<ProtoResource, 'type' | 'scalar' | 'ranges' | 'set'> {
  switch (value.kind) {
    case 'scalar':
      return { type: Value_Type.SCALAR, scalar: { value: fromMilli(value.milli) } };
    case 'ranges':
      return { type: Value_Type.RANGES, ranges: rangesToProto(value.ranges) };
    case 'set':
      return { type: Value_Type.SET, set: { item: value.items } };
    default:
      return assertNever(value);
  }
}

function valueFromProto(
  field: string,
  { type, scalar, ranges, set }: ProtoResource,
): ResourceValue | Failure {
  switch (type) {
    case Value_Type.SCALAR: {
      if (scalar?.value === undefined) return failure('invalid', `${field} must have a scalar`, { field });
      const milli = checkedMilli(field, scalar.value);
      return isFailure(milli) ? milli : { kind: 'scalar', milli };
    }
    case Value_Type.RANGES: {
      const converted = rangesFromProto(field, ranges);
      return isFailure(converted) ? converted : { kind: 'ranges', ranges: converted };
    }
    case Value_Type.SET:
      if (set === undefined) return failure('invalid', `${field} must have a set`, { field });
      return { kind: 'set', items: normalItems(set.item) };
    default:
      return failure('invalid', `${field} must be of type SCALAR, RANGES or SET`, { field });
  }
}

function reservationToProto({ type, role, principal, labels }: Reservation): Resource_ReservationInfo {
  return {
    type: Resource_ReservationInfo_Type[type],
    role,
    ...(principal !== undefined && { principal }),
    ...(labels !== undefined && { labels: labelsToProto(labels) }),
  };
}

function reservationsFromProto(name: string, proto: ProtoResource): readonly Reservation[] | Failure {
  const field = `resource ${name}`;
  if (proto.reservations.length > 0) {
    if (proto.reservation !== undefined || (proto.role !== undefined && proto.role !== '*')) {
      return failure(
        'invalid',
        `${field} must not have both reservations and the older role or reservation`,
        { field },
      );
    }
    const stack: Reservation[] = [];
    for (const reservation of proto.reservations) {
      const { role, type } = reservation;
      if (role === undefined)
        return failure('invalid', `${field} has a reservation without a role`, { field });
      if (type !== Resource_ReservationInfo_Type.STATIC && type !== Resource_ReservationInfo_Type.DYNAMIC) {
        return failure('invalid', `${field} has a reservation that is neither STATIC nor DYNAMIC`, { field });
      }
      stack.push(reservationOf(type, role, reservation));
    }
    return stack;
  }
  const role = proto.role ?? '*';
  if (role === '*') {
    if (proto.reservation === undefined) return [];
    return failure('invalid', `${field} must not be reserved to '*'`, { field });
  }
  return [
    reservationOf(proto.reservation === undefined ? 'STATIC' : 'DYNAMIC', role, proto.reservation ?? {}),
  ];
}

function reservationOf(
  type: 'STATIC' | 'DYNAMIC',
  role: string,
  from: Resource_ReservationInfo,
): Reservation {
  const labels = labelsFromProto(from.labels);
  return {
    type,
    role,
    ...(from.principal !== undefined && { principal: from.principal }),
    ...(labels !== undefined && { labels }),
  };
}

function diskToProto({ persistence, volume, source }: DiskInfo): Resource_DiskInfo {
  return {
    ...(persistence !== undefined && { persistence }),
    ...(volume !== undefined && {
      volume: {
        containerPath: volume.containerPath,
        mode: Volume_Mode[volume.mode],
        hostPath: volume.hostPath,
      },
    }),
    ...(source !== undefined && { source: sourceToProto(source) }),
  };
}

function sourceToProto({ type, root, id, profile, vendor, metadata }: DiskSource): Resource_DiskInfo_Source {
  return {
    type: Resource_DiskInfo_Source_Type[type],
    ...(type === 'PATH' && { path: { root } }),
    ...(type === 'MOUNT' && { mount: { root } }),
    id,
    profile,
    vendor,
    ...(metadata !== undefined && { metadata: labelsToProto(metadata) }),
  };
}

function diskFromProto({ persistence, volume, source }: Resource_DiskInfo): DiskInfo | Failure {
  const converted = source === undefined ? undefined : sourceFromProto(source);
  if (isFailure(converted)) return converted;
  return {
    ...(persistence !== undefined && {
      persistence: {
        id: persistence.id ?? '',
        ...(persistence.principal !== undefined && { principal: persistence.principal }),
      },
    }),
    ...(volume !== undefined && {
      volume: {
        containerPath: volume.containerPath ?? '',
        mode: volume.mode === Volume_Mode.RO ? ('RO' as const) : ('RW' as const),
        ...(volume.hostPath !== undefined && { hostPath: volume.hostPath }),
      },
    }),
    ...(converted !== undefined && { source: converted }),
  };
}

function sourceFromProto(source: Resource_DiskInfo_Source): DiskSource | Failure {
  const { type, path, mount, id, profile, vendor } = source;
  const field = 'resource disk';
  if (
    type === undefined ||
    type === Resource_DiskInfo_Source_Type.UNKNOWN ||
    type === Resource_DiskInfo_Source_Type.UNRECOGNIZED
  ) {
    return failure('invalid', `${field} must have a source of type PATH, MOUNT, BLOCK or RAW`, { field });
  }
  const root = path?.root ?? mount?.root;
  const metadata = labelsFromProto(source.metadata);
  return {
    type,
    ...(root !== undefined && { root }),
    ...(id !== undefined && { id }),
    ...(profile !== undefined && { profile }),
    ...(vendor !== undefined && { vendor }),
    ...(metadata !== undefined && { metadata }),
  };
}

function labelsToProto(labels: readonly Label[]): Labels {
  return { labels: labels.map(({ key, value }) => ({ key, ...(value !== undefined && { value }) })) };
}

function labelsFromProto(labels: Labels | undefined): readonly Label[] | undefined {
  return labels?.labels.map(({ key, value }) => ({ key: key ?? '', ...(value !== undefined && { value }) }));
}
