import type { Resources } from '@meseta/model';
import { resourcesToProto, type Resource } from '@meseta/protocol';

/**
 * Resources as a framework sees them: with the role they are allocated to if it has MULTI_ROLE, without if it has not (S45, R14).
 */
export function allocatedResources(resources: Resources, role: string, multiRole: boolean): Resource[] {
  return resourcesToProto(multiRole ? resources.allocate(role) : resources);
}
