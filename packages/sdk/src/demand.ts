import { FailureError } from '@meseta/kit';
import { failure, isFailure, Resources } from '@meseta/model';
import { quantitiesToProto, type Demand, type scheduler as v1 } from '@meseta/protocol';

/** Room for so many tasks of one size. */
export interface DemandSpec {
  /** What one task needs, as `cpus:1;mem:128`; of ports, as many as are listed, whichever are free. */
  readonly resources: string | Resources;
  /** How many tasks. */
  readonly count: number;
  /** Its name in explanations; its place in the list if unset. */
  readonly id?: string;
  /** The framework's only role if unset. */
  readonly role?: string;
  /** On which agents; on any if unset. */
  readonly constraints?: v1.OfferConstraints_RoleConstraints;
}

/** Demands as they are sent. @throws FailureError of kind `invalid` that names the field */
export function demandsOf(specs: readonly DemandSpec[], roles: readonly string[]): readonly Demand[] {
  return specs.map((spec, at) => {
    const resources = typeof spec.resources === 'string' ? Resources.parse(spec.resources) : spec.resources;
    if (isFailure(resources)) throw new FailureError(resources);
    const role = spec.role ?? (roles.length === 1 ? roles[0] : undefined);
    if (role === undefined)
      throw new FailureError(
        failure('invalid', `demands[${at}].role must be set: the framework has ${roles.length} roles`, {
          field: 'role',
        }),
      );
    return {
      id: spec.id ?? `demand-${at}`,
      role,
      resources: quantitiesToProto(resources.quantities()),
      count: spec.count,
      constraints: spec.constraints,
    };
  });
}
