import type { ContainerId, FrameworkId, Instant } from '@meseta/model';
import type { ExecutorInfo } from '@meseta/protocol';
import type { ContainerFacts, TaskKey } from './task-record';

/** An executor of a framework. Ids hold no slash, so two in a row make it never the key of a task. */
export type ExecutorKey = string;

export function executorKey(frameworkId: FrameworkId, executorId: string): ExecutorKey {
  return `${frameworkId}//${executorId}`;
}

/** An executor that has tasks of its own here: a group's, which the agent plays itself, or a program of the framework's. */
export interface ExecutorRecord {
  readonly key: ExecutorKey;
  readonly frameworkId: FrameworkId;
  readonly executorId: string;
  readonly containerId: ContainerId;
  readonly runtime: string;
  /** A pod is a sandbox and control groups that its tasks share; only a custom executor is a process. */
  readonly kind: 'pod' | 'custom';
  readonly info: ExecutorInfo;
  /** The gpus that are its own until it has ended, by their ids; those of its tasks are besides. */
  readonly gpus: readonly string[];
  /** W3C traceparent of the first launch; empty when not traced. */
  readonly traceparent: string;
  readonly launchedAt: Instant;
  /** Of its container; a pod has none and runs from the beginning. */
  phase: 'starting' | 'running' | 'ended';
  container: ContainerFacts;
  /** It has subscribed in its life: from then on it is waited for as one that comes back. */
  subscribed: boolean;
  /** Why it is to end; unset while it may run on. */
  end: ExecutorEndReason | undefined;
  /** When patience ends: for it to subscribe, or to end. */
  deadline: Instant | undefined;
  /** The stream over which it listens. Not kept: a stream ends with the agent. */
  connection: number | undefined;
  /** Its tasks that have records; the executor's own goes with the last once it has ended. */
  readonly tasks: Set<TaskKey>;
}

export type ExecutorEndReason =
  'asked' | 'idle' | 'registrationTimeout' | 'reregistrationTimeout' | 'agentEnded';

/** How long the agent waits for executors. */
export interface ExecutorTiming {
  /** From the start of its container until it has subscribed (E22). */
  readonly registrationMs: number;
  /** From the agent's restart until it has subscribed again (E23). */
  readonly reregistrationMs: number;
  /** From the order to end until its container is destroyed, unless the executor says (E24). */
  readonly shutdownGraceMs: number;
}

export const executorTimingDefault: ExecutorTiming = {
  registrationMs: 60_000,
  reregistrationMs: 2_000,
  shutdownGraceMs: 5_000,
};
