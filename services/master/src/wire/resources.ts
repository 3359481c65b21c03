import type { Resources } from '@meseta/model';
import { isFailure } from '@meseta/model';
import {
  resourcesFromProto,
  resourcesToOldProto,
  resourcesToProto,
  type OperationStatus,
  type Resource,
} from '@meseta/protocol';

/** How a framework reads resources: by its capabilities MULTI_ROLE and RESERVATION_REFINEMENT. */
export interface Dialect {
  readonly multiRole: boolean;
  readonly refinement: boolean;
}

/** How operators and agents read them. */
export const fullDialect: Dialect = { multiRole: true, refinement: true };

export function dialectOf(capabilities: ReadonlySet<string>): Dialect {
  return {
    multiRole: capabilities.has('MULTI_ROLE'),
    refinement: capabilities.has('RESERVATION_REFINEMENT'),
  };
}

/**
 * Resources as a framework sees them: with the role they are allocated to if it has MULTI_ROLE (S45, R14), with reservations as a stack
 * if it has RESERVATION_REFINEMENT (S46).
 */
export function allocatedResources(resources: Resources, role: string, dialect: Dialect): Resource[] {
  const shown = dialect.multiRole ? resources.allocate(role) : resources;
  return dialect.refinement ? resourcesToProto(shown) : resourcesToOldProto(shown);
}

/** A status of an operation with what it made as a framework reads resources (R17); what its agent made that cannot be read goes as it is. */
export function operationStatusIn(status: OperationStatus, { refinement }: Dialect): OperationStatus {
  if (refinement || status.convertedResources.length === 0) return status;
  const converted = resourcesFromProto(status.convertedResources);
  return isFailure(converted) ? status : { ...status, convertedResources: resourcesToOldProto(converted) };
}
