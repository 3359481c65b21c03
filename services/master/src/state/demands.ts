import { failure, type Failure } from '@meseta/model';
import type { Demand } from '@meseta/protocol';
import type { Framework } from './state';
import { tellAllocator, type Turn } from './turn';

const demandsMax = 1000;
const tasksMax = 1_000_000;

/** REQUEST: what the framework wants in particular, in place of what it wanted before. What cannot be read was refused by the handler. */
export function request(turn: Turn, framework: Framework, demands: readonly Demand[]): Failure | undefined {
  const refused = validateDemands(framework, demands);
  if (refused !== undefined) return refused;
  framework.demands = demands;
  for (const { role } of demands) framework.suppressed.delete(role);
  tellAllocator(turn, { kind: 'demanded', frameworkId: framework.id, demands });
  return undefined;
}

function validateDemands({ roles }: Framework, demands: readonly Demand[]): Failure | undefined {
  const refuse = (field: string, rule: string): Failure => failure('invalid', `${field} ${rule}`, { field });
  if (demands.length > demandsMax) return refuse('demands', `must not be more than ${demandsMax}`);
  const ids = new Set<string>();
  for (const [at, { id, role, count }] of demands.entries()) {
    const field = `demands[${at}]`;
    if (id === '') return refuse(`${field}.id`, 'must not be empty');
    if (ids.has(id)) return refuse(`${field}.id`, `'${id}' must not be used twice`);
    ids.add(id);
    if (!roles.includes(role))
      return refuse(`${field}.role`, `names ${role}, which the framework is not subscribed to`);
    if (count < 1 || count > tasksMax) return refuse(`${field}.count`, `must be from 1 to ${tasksMax}`);
  }
  return undefined;
}
