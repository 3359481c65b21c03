import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkInfo, checkInstant } from './check';

/** A framework was torn down or timed out. It is remembered until `forget_records`, so that it may not come back. */
export function removeFramework(operation: internal.RemoveFramework): readonly RecordWrite[] | Failure {
  const framework = checkInfo(operation.frameworkInfo, 'remove_framework.framework_info');
  if (isFailure(framework)) return framework;
  const registeredAtMs = checkInstant(operation.registeredAtMs, 'remove_framework.registered_at_ms');
  if (isFailure(registeredAtMs)) return registeredAtMs;
  const removedAtMs = checkInstant(operation.removedAtMs, 'remove_framework.removed_at_ms');
  if (isFailure(removedAtMs)) return removedAtMs;
  const record = { kind: 'framework', frameworkInfo: framework.info, registeredAtMs, removedAtMs } as const;
  return [{ key: keyOf.framework(framework.id), record }];
}
