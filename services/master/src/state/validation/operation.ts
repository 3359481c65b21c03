import {
  allocationRolesOf,
  conversionOf,
  failure,
  isFailure,
  isPersistentVolume,
  reservedRole,
  unallocated,
  type Failure,
  type Resource,
  type ResourceOperation,
  type Resources,
} from '@meseta/model';
import type { Agent, Framework } from '../state';

export interface OperationContext {
  readonly framework: Framework;
  readonly agent: Agent;
  /** The role of the offers. */
  readonly role: string;
  /** What is left of the accepted offers. */
  readonly pool: Resources;
  /** Whether the framework wants to hear how it ends. */
  readonly followed: boolean;
}

/** The rules of an operation on offered resources (S73 – S81, R14, R27 – R48). A failure names the field and the rule. */
export function validateOperation(wanted: ResourceOperation, context: OperationContext): Failure | undefined {
  const { agent, followed, pool, role } = context;
  if (followed && !agent.capabilities.includes('AGENT_OPERATION_FEEDBACK'))
    return refuse('id', 'needs an agent with the capability AGENT_OPERATION_FEEDBACK');
  for (const named of allocationRolesOf(wanted)) {
    if (named !== role)
      return refuse('allocation_info.role', `must be the role of the offer, ${role}, not ${named}`);
  }
  const operation = unallocated(wanted);
  const conversion = conversionOf(operation);
  if (isFailure(conversion)) return conversion;
  const refused = validateKind(operation, context);
  if (refused !== undefined) return refused;
  if (pool.contains(conversion.consumed)) return undefined;
  return refuse(
    'resources',
    `${conversion.consumed.toString()} is more than what is left of the offer, ${pool.isEmpty ? 'nothing' : pool.toString()}`,
  );
}

/** The rules of an operator's operation (R31, R32): those of the kind, whatever a framework could do. */
export function validateOperatorOperation(operation: ResourceOperation, agent: Agent): Failure | undefined {
  switch (operation.kind) {
    case 'reserve':
    case 'unreserve':
      return undefined;
    case 'create':
      return firstOf(operation.volumes, (volume) => validateNew(volume, agent));
    case 'destroy':
      return firstOf(operation.volumes, (volume) => validateUnused(volume, agent));
    case 'growVolume':
    case 'shrinkVolume':
      return validateResizing(agent);
  }
}

function validateKind(operation: ResourceOperation, context: OperationContext): Failure | undefined {
  switch (operation.kind) {
    case 'reserve':
      if (!operation.source.isEmpty) return refuse('source', 'is for operators only');
      return firstOf(operation.resources, (resource) => validateReserve(resource, context));
    case 'unreserve':
      return undefined;
    case 'create':
      return firstOf(operation.volumes, (volume) => validateCreate(volume, context));
    case 'destroy':
      return firstOf(operation.volumes, (volume) => validateUnused(volume, context.agent));
    case 'growVolume':
    case 'shrinkVolume':
      return validateResizing(context.agent);
  }
}

/** To the role of the offer and by who asks (R30); a second layer only by who understands them (S46). */
function validateReserve(resource: Resource, { framework, role }: OperationContext): Failure | undefined {
  const last = resource.reservations[resource.reservations.length - 1];
  if (last?.role !== role)
    return refuse(
      'resources',
      `must be reserved to the role of the offer, ${role}, not ${String(last?.role)}`,
    );
  if (resource.reservations.length > 1 && !framework.capabilities.has('RESERVATION_REFINEMENT'))
    return refuse('resources', 'must not be refined without the capability RESERVATION_REFINEMENT');
  return validatePrincipal('resources', last.principal, framework);
}

function validateCreate(volume: Resource, { framework, agent }: OperationContext): Failure | undefined {
  if (volume.shared === true && !framework.capabilities.has('SHARED_RESOURCES'))
    return refuse('volumes', 'must not be shared without the capability SHARED_RESOURCES');
  return (
    validateNew(volume, agent) ?? validatePrincipal('volumes', volume.disk?.persistence?.principal, framework)
  );
}

/** The id of a volume is unique in its role on an agent (R42). */
function validateNew(volume: Resource, agent: Agent): Failure | undefined {
  const id = volume.disk?.persistence?.id;
  const role = reservedRole(volume);
  const taken = agent.total.entries.some(
    (one) => isPersistentVolume(one) && one.disk?.persistence?.id === id && reservedRole(one) === role,
  );
  return taken ? refuse('volumes', `${String(id)} is there already in role ${String(role)}`) : undefined;
}

function validateResizing({ capabilities }: Agent): Failure | undefined {
  if (capabilities.includes('RESIZE_VOLUME')) return undefined;
  return refuse('volume', 'needs an agent with the capability RESIZE_VOLUME');
}

/** Nothing that runs may lose its data (R46). */
function validateUnused(volume: Resource, agent: Agent): Failure | undefined {
  const used = agent.used.entries.some(
    (one) =>
      one.disk?.persistence?.id === volume.disk?.persistence?.id &&
      reservedRole(one) === reservedRole(volume),
  );
  if (!used) return undefined;
  return refuse('volumes', `${String(volume.disk?.persistence?.id)} is used by a task`);
}

function validatePrincipal(
  field: string,
  named: string | undefined,
  { info }: Framework,
): Failure | undefined {
  const principal = info.principal ?? '';
  if (named === undefined || principal === '' || named === principal) return undefined;
  return refuse(field, `principal must be the framework's, ${principal}, not ${named}`);
}

function firstOf(
  resources: Resources,
  rule: (resource: Resource) => Failure | undefined,
): Failure | undefined {
  for (const entry of resources.entries) {
    const refused = rule(entry);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function refuse(field: string, rule: string): Failure {
  return failure('invalid', `${field} ${rule}`, { field });
}
