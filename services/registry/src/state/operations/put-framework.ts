import { isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';
import { checkInfo, checkInstant } from './check';

/** A framework subscribed or changed. */
export function putFramework(operation: internal.PutFramework): readonly RecordWrite[] | Failure {
  const framework = checkInfo(operation.frameworkInfo, 'put_framework.framework_info');
  if (isFailure(framework)) return framework;
  const registeredAtMs = checkInstant(operation.registeredAtMs, 'put_framework.registered_at_ms');
  if (isFailure(registeredAtMs)) return registeredAtMs;
  const record = {
    kind: 'framework',
    frameworkInfo: framework.info,
    registeredAtMs,
    removedAtMs: 0,
  } as const;
  return [{ key: keyOf.framework(framework.id), record }];
}
