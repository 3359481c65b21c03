import { resourcesToProto, type ExecutorInfo } from '@meseta/protocol';
import type { Executor } from '../state/state';

/** An executor as its agent and operators see it: its resources carry the role they are allocated to. */
export function executorToProto(executor: Executor): ExecutorInfo {
  return {
    ...executor.info,
    frameworkId: { value: executor.frameworkId },
    resources: resourcesToProto(executor.resources.allocate(executor.role)),
  };
}
