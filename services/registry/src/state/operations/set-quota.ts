import { failure, isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkName } from './check';

/** A role's quota. One without guarantees and limits is none, and its record goes. The master has checked the amounts. */
export function setQuota({ config }: internal.SetQuota): readonly RecordWrite[] | Failure {
  if (config === undefined)
    return failure('invalid', 'set_quota.config must be set', { field: 'set_quota.config' });
  const role = checkName(config.role ?? '', 'set_quota.config.role');
  if (isFailure(role)) return role;
  const isSet = Object.keys(config.guarantees).length + Object.keys(config.limits).length > 0;
  return [{ key: keyOf.quota(role), ...(isSet && { record: { kind: 'quota', config } }) }];
}
