import { defaultRole, failure, type Failure } from '@meseta/model';
import type { MasterOptions } from './state';

/** Why a role may not be used: the operator listed those that may (R22), and the default role always may. Undefined when any may, or this one. */
export function unlisted({ roles }: MasterOptions, used: readonly string[]): Failure | undefined {
  const role = used.find((one) => one !== defaultRole && roles?.has(one) === false);
  return role === undefined
    ? undefined
    : failure('invalid', `role ${role} must be one of those that --roles of the master lists`, {
        field: 'roles',
      });
}
