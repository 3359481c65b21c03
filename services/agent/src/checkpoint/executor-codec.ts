import { containerId, frameworkId, instant } from '@meseta/model';
import { ExecutorInfo } from '@meseta/protocol';
import { executorKey, type ExecutorRecord } from '../state/state';

/** What changes of an executor, as it lies on disk. The description, which does not, lies beside it. */
export interface StoredExecutor {
  readonly frameworkId: string;
  readonly executorId: string;
  readonly containerId: string;
  readonly runtime: string;
  readonly kind: ExecutorRecord['kind'];
  readonly traceparent: string;
  readonly launchedAt: number;
  readonly phase: ExecutorRecord['phase'];
  readonly container: ExecutorRecord['container'];
  readonly subscribed: boolean;
  readonly end: ExecutorRecord['end'];
  /** Unset in records of agents that knew of none. */
  readonly gpus?: readonly string[];
}

export function storedExecutor(executor: ExecutorRecord): StoredExecutor {
  const { frameworkId, executorId, containerId, runtime, kind, traceparent, launchedAt } = executor;
  const { phase, container, subscribed, end, gpus } = executor;
  const place = { frameworkId, executorId, containerId, runtime, kind, traceparent, launchedAt };
  return { ...place, phase, container, subscribed, end, gpus };
}

/** The record again; nobody listens in this life of the agent yet, and its tasks are still to be read. */
export function executorOf(stored: StoredExecutor, info: Uint8Array): ExecutorRecord {
  const framework = frameworkId(stored.frameworkId);
  return {
    ...stored,
    key: executorKey(framework, stored.executorId),
    frameworkId: framework,
    containerId: containerId(stored.containerId),
    launchedAt: instant(stored.launchedAt),
    info: ExecutorInfo.decode(info),
    gpus: stored.gpus ?? [],
    deadline: undefined,
    connection: undefined,
    tasks: new Set(),
  };
}
