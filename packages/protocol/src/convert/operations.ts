import type { Failure, Resource, ResourceOperation } from '@meseta/model';
import { assertNever, checkedMilli, failure, fromMilli, isFailure } from '@meseta/model';
import type { Offer_Operation } from '../gen/meseta/v1/offers';
import { Offer_Operation_Type } from '../gen/meseta/v1/offers';
import type { Resource as ProtoResource } from '../gen/meseta/v1/resources';
import { resourcesFromProto, resourcesToProto, resourceToProto } from './resources';

/** The kinds of operation that change what resources are. */
export const resourceOperationTypes: ReadonlySet<Offer_Operation_Type> = new Set([
  Offer_Operation_Type.RESERVE,
  Offer_Operation_Type.UNRESERVE,
  Offer_Operation_Type.CREATE,
  Offer_Operation_Type.DESTROY,
  Offer_Operation_Type.GROW_VOLUME,
  Offer_Operation_Type.SHRINK_VOLUME,
]);

/** An operation on resources that came over the wire, with the roles that they say they are allocated to. A failure names the field and the rule. */
export function resourceOperationFromProto(operation: Offer_Operation): ResourceOperation | Failure {
  switch (operation.type) {
    case Offer_Operation_Type.RESERVE: {
      if (operation.reserve === undefined) return missing('reserve');
      const resources = resourcesFromProto(operation.reserve.resources);
      if (isFailure(resources)) return resources;
      const source = resourcesFromProto(operation.reserve.source);
      return isFailure(source) ? source : { kind: 'reserve', resources, source };
    }
    case Offer_Operation_Type.UNRESERVE: {
      if (operation.unreserve === undefined) return missing('unreserve');
      const resources = resourcesFromProto(operation.unreserve.resources);
      return isFailure(resources) ? resources : { kind: 'unreserve', resources };
    }
    case Offer_Operation_Type.CREATE: {
      if (operation.create === undefined) return missing('create');
      const volumes = resourcesFromProto(operation.create.volumes);
      return isFailure(volumes) ? volumes : { kind: 'create', volumes };
    }
    case Offer_Operation_Type.DESTROY: {
      if (operation.destroy === undefined) return missing('destroy');
      const volumes = resourcesFromProto(operation.destroy.volumes);
      return isFailure(volumes) ? volumes : { kind: 'destroy', volumes };
    }
    case Offer_Operation_Type.GROW_VOLUME: {
      const volume = single('grow_volume.volume', operation.growVolume?.volume);
      if (isFailure(volume)) return volume;
      const addition = single('grow_volume.addition', operation.growVolume?.addition);
      return isFailure(addition) ? addition : { kind: 'growVolume', volume, addition };
    }
    case Offer_Operation_Type.SHRINK_VOLUME: {
      const volume = single('shrink_volume.volume', operation.shrinkVolume?.volume);
      if (isFailure(volume)) return volume;
      const subtractMilli = checkedMilli(
        'shrink_volume.subtract',
        operation.shrinkVolume?.subtract?.value ?? 0,
      );
      return isFailure(subtractMilli) ? subtractMilli : { kind: 'shrinkVolume', volume, subtractMilli };
    }
    default:
      return failure('invalid', `type ${operation.type ?? 'unset'} does not change resources`, {
        field: 'type',
      });
  }
}

/** An operation on resources as it goes over the wire, without an id. */
export function resourceOperationToProto(operation: ResourceOperation): Offer_Operation {
  switch (operation.kind) {
    case 'reserve':
      return {
        type: Offer_Operation_Type.RESERVE,
        reserve: {
          resources: resourcesToProto(operation.resources),
          source: resourcesToProto(operation.source),
        },
      };
    case 'unreserve':
      return {
        type: Offer_Operation_Type.UNRESERVE,
        unreserve: { resources: resourcesToProto(operation.resources) },
      };
    case 'create':
      return { type: Offer_Operation_Type.CREATE, create: { volumes: resourcesToProto(operation.volumes) } };
    case 'destroy':
      return {
        type: Offer_Operation_Type.DESTROY,
        destroy: { volumes: resourcesToProto(operation.volumes) },
      };
    case 'growVolume':
      return {
        type: Offer_Operation_Type.GROW_VOLUME,
        growVolume: {
          volume: resourceToProto(operation.volume),
          addition: resourceToProto(operation.addition),
        },
      };
    case 'shrinkVolume':
      return {
        type: Offer_Operation_Type.SHRINK_VOLUME,
        shrinkVolume: {
          volume: resourceToProto(operation.volume),
          subtract: { value: fromMilli(operation.subtractMilli) },
        },
      };
    default:
      return assertNever(operation);
  }
}

function single(field: string, listed: ProtoResource | undefined): Resource | Failure {
  if (listed === undefined) return missing(field);
  const resources = resourcesFromProto([listed]);
  if (isFailure(resources)) return resources;
  const [entry] = resources.entries;
  return entry ?? failure('invalid', `${field} must be more than nothing`, { field });
}

function missing(field: string): Failure {
  return failure('invalid', `${field} must be set`, { field });
}
