import { failure, isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkName } from './check';

/** A role's weight. */
export function setWeight(operation: internal.SetWeight): readonly RecordWrite[] | Failure {
  const role = checkName(operation.role, 'set_weight.role');
  if (isFailure(role)) return role;
  const { weight } = operation;
  if (!(weight > 0) || !Number.isFinite(weight)) {
    return failure('invalid', 'set_weight.weight must be greater than 0', { field: 'set_weight.weight' });
  }
  return [{ key: keyOf.weight(role), record: { kind: 'weight', role, weight } }];
}
