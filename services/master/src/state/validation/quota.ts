import { failure, fromMilli, validateRole, type Failure, type QuotaConfig } from '@meseta/model';

/** An exabyte in megabytes, and as much of anything else as nobody has: what is above is a mistake in a unit (A31). */
const megabytesMax = 1024 ** 4;
const unitsMax = 1e12;

/** The rules of a quota that do not depend on the cluster (A31). A failure names the field and the rule. */
export function validateQuota({ role, guarantees, limits }: QuotaConfig): Failure | undefined {
  const refuse = (field: string, rule: string): Failure => failure('invalid', `${field} ${rule}`, { field });
  const refusedRole = validateRole(role);
  if (refusedRole !== undefined) return refusedRole;
  if (role.includes('/'))
    return refuse('role', `'${role}' must be at the top of its branch: the roles below it share its quota`);
  for (const [kind, amounts] of [
    ['guarantees', guarantees],
    ['limits', limits],
  ] as const) {
    for (const [name, milli] of amounts) {
      const max = name === 'mem' || name === 'disk' ? megabytesMax : unitsMax;
      if (fromMilli(milli) > max) return refuse(`${kind}[${name}]`, `must not be more than ${max}`);
    }
  }
  for (const [name, milli] of guarantees) {
    const limit = limits.get(name);
    if (limit !== undefined && milli > limit)
      return refuse(
        `guarantees[${name}]`,
        `of role ${role} must not be more than the limit, ${fromMilli(milli)} > ${fromMilli(limit)}`,
      );
  }
  return undefined;
}
