import type { ContainerId, FrameworkId, Instant, Ranges, TaskId, TaskState } from '@meseta/model';
import type { TaskInfo, TaskStatus } from '@meseta/protocol';
import type { CheckAnswer, CheckProgress } from './check-record';
import type { ExecutorKey } from './executor-record';
import type { Reason, Source } from './status';

/** A task of a framework: ids hold no slash, so the two joined by one are unambiguous. */
export type TaskKey = string;

export function taskKey(frameworkId: FrameworkId, taskId: TaskId): TaskKey {
  return `${frameworkId}/${taskId}`;
}

/** One task, from its launch until its last update is acknowledged. */
export interface TaskRecord {
  readonly key: TaskKey;
  readonly frameworkId: FrameworkId;
  readonly taskId: TaskId;
  /** Random. Names its container, if it has one of its own, and is the seed of its uuids. */
  readonly containerId: ContainerId;
  /** The runtime that runs it; empty for one that has no container of its own. */
  readonly runtime: string;
  /** Whose task it is, if it is not a command that the agent runs by itself. */
  readonly executor: ExecutorKey | undefined;
  /** The same for all that were launched together; unset for one that was launched by itself. */
  readonly group: string | undefined;
  readonly info: TaskInfo;
  /** The gpus that are its own until it has ended, by their ids. */
  readonly gpus: readonly string[];
  /** W3C traceparent of the launch; empty when not traced. */
  readonly traceparent: string;
  readonly launchedAt: Instant;
  /** A custom executor's task is starting until its launch was sent to the executor. */
  phase: 'starting' | 'running' | 'ended';
  /** The newest state, which may be ahead of what was acknowledged. */
  state: TaskState;
  /** What the runtime told of the container. */
  container: ContainerFacts;
  kill: Kill | undefined;
  /** Updates not yet acknowledged, the oldest first. */
  readonly updates: StatusRecord[];
  /** How many times the first of them was sent, and when it is due again. */
  sent: number;
  retryAt: Instant | undefined;
  /** The newest status of each state, for the master's history. */
  readonly history: StatusRecord[];
  /** How many statuses were made; with the container's id it makes the next one's uuid. */
  statusesMade: number;
  /** When its container was seen to run; checks count from here. */
  startedAt: Instant | undefined;
  /** What its health check last said, once it has said something that counts. */
  healthy: boolean | undefined;
  /** What its check last answered. */
  checkStatus: CheckAnswer | undefined;
  /** Where its checks stand. Not kept: they begin anew with the agent. */
  check: CheckProgress | undefined;
  health: CheckProgress | undefined;
}

/** What is known of a container once it runs. */
export interface ContainerFacts {
  /** The process that watches the task, or the task's own where a daemon watches. */
  readonly pid?: number;
  /** Where the container is reached, if it has an address of its own. */
  readonly ip?: string;
  /** The networks that it was taken into, as they were asked for by name and in that order. */
  readonly networks?: readonly ContainerAddresses[];
}

/** The addresses of a container in a network. */
export interface ContainerAddresses {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** What a runtime tells of a container that it has just started. */
export interface StartedFacts extends ContainerFacts {
  /** What the framework is told of it once, as JSON: it is in the status that says that the task runs, and nowhere else. */
  readonly data?: string;
}

/** What stays known of a container. */
export function lasting({ data: _, ...facts }: StartedFacts): ContainerFacts {
  return facts;
}

/** An order to end a task. */
export interface Kill {
  readonly graceMs: number;
  /** When patience ends; unset while the container has not been asked to end yet. */
  deadline: Instant | undefined;
  readonly why: KillReason;
  /** What ran out, if a limit is the reason. */
  readonly limit?: Limit;
}

export type KillReason =
  | 'asked'
  /** Another task of its group failed or was killed. */
  | 'group'
  /** Its executor is to end. */
  | 'shutdown'
  | 'draining'
  | 'unhealthy'
  | 'completionTime'
  | 'agentEnded'
  | 'limit'
  /** Its revocable resources are needed by others. */
  | 'preempted';

/** A limit that a container has passed. */
export interface Limit {
  readonly reason: Extract<
    Reason,
    'CONTAINER_LIMITATION' | 'CONTAINER_LIMITATION_DISK' | 'CONTAINER_LIMITATION_MEMORY'
  >;
  readonly message: string;
  /** How much there was of what. */
  readonly resources: readonly LimitedResource[];
}

/** What ran out: an amount in thousandths, or ranges that it was not to reach into. */
export type LimitedResource =
  { readonly name: string; readonly milli: number } | { readonly name: string; readonly ranges: Ranges };

/** One status of a task, as it is kept until acknowledged. */
export interface StatusRecord {
  /** 32 hex digits: 16 bytes on the wire. */
  readonly uuid: string;
  readonly state: TaskState;
  readonly source: Source;
  readonly reason?: Reason;
  readonly message?: string;
  readonly at: Instant;
  readonly healthy?: boolean;
  readonly checkStatus?: CheckAnswer;
  /** What the runtime tells of the container, as JSON. */
  readonly data?: string;
  readonly limitation?: Limit['resources'];
  /** A custom executor's status as it came, for what the agent only passes on. */
  readonly given?: TaskStatus;
}
