import { failure, validateId, validateRole, type Failure } from '@meseta/model';
import type { FrameworkDescription } from '../command';

/** The longest duration that fits 64-bit nanoseconds, in milliseconds. */
const durationMsMax = 9_223_372_036_854;

/** The rules of a framework's description (S24, S45). A failure names the field and the rule. */
export function validateFramework(
  framework: FrameworkDescription,
  suppressedRoles: readonly string[],
): Failure | undefined {
  const { info, id, roles, capabilities, failoverTimeoutMs } = framework;
  if ((info.name ?? '') === '') return refuse('framework_info.name', 'must not be empty');
  const invalidId = id === undefined ? undefined : validateId('framework_info.id', id);
  if (invalidId !== undefined) return invalidId;
  if (capabilities.has('MULTI_ROLE') && (info.role ?? '*') !== '*') {
    return refuse('framework_info.role', 'must not be set with the capability MULTI_ROLE: use roles');
  }
  if (!capabilities.has('MULTI_ROLE') && info.roles.length > 0) {
    return refuse('framework_info.roles', 'needs the capability MULTI_ROLE');
  }
  if (new Set(roles).size !== roles.length)
    return refuse('framework_info.roles', 'must not name a role twice');
  for (const role of roles) {
    const invalid = validateRole(role);
    if (invalid !== undefined) return invalid;
  }
  if (!Number.isFinite(failoverTimeoutMs) || failoverTimeoutMs < 0 || failoverTimeoutMs > durationMsMax) {
    return refuse('framework_info.failover_timeout', 'must be 0 or more seconds and fit 64-bit nanoseconds');
  }
  if (framework.unreadable !== undefined) return framework.unreadable;
  for (const role of Object.keys(framework.offerConstraints?.roleConstraints ?? {})) {
    if (!roles.includes(role))
      return refuse(
        'offer_constraints.role_constraints',
        `names ${role}, which is not among the framework's roles`,
      );
  }
  for (const role of Object.keys(info.offerFilters)) {
    if (!roles.includes(role))
      return refuse(
        'framework_info.offer_filters',
        `names ${role}, which is not among the framework's roles`,
      );
  }
  for (const role of suppressedRoles) {
    if (!roles.includes(role))
      return refuse('suppressed_roles', `names ${role}, which is not among the framework's roles`);
  }
  return undefined;
}

function refuse(field: string, rule: string): Failure {
  return failure('invalid', `${field} ${rule}`, { field });
}
