// The agent, without the world.
//
// Owns:          which frameworks and tasks this agent answers for, what must be told to the master and when again, whom it obeys.
// Does not own:  the clock, processes, the disk, the network. It says what should be done; the loop does it.
//
// Invariants
//   A1. `step` is synchronous and deterministic: the same commands at the same instants give the same effects.
//   A2. A task is started at most once: a record is made before its start, and a task with a record is never launched again.
//   A3. A terminal task never changes state again, and its record stays until its last update is acknowledged.
//   A4. Of one task's updates one is in flight; the next follows only after its acknowledgement.
//   A5. Nothing is done that a master of a lower term asks for, once a higher one was obeyed.

import type { AgentId, ContainerId, FrameworkId, Instant, TaskId, TaskState } from '@meseta/model';
import type { FrameworkInfo, TaskInfo } from '@meseta/protocol';
import { Deadlines } from './deadlines';
import type { Reason, Source } from './status';

/** A task of a framework: ids hold no slash, so the two joined by one are unambiguous. */
export type TaskKey = string;

export function taskKey(frameworkId: FrameworkId, taskId: TaskId): TaskKey {
  return `${frameworkId}/${taskId}`;
}

export interface AgentState {
  /** Given by the master at the first registration. */
  agentId: AgentId | undefined;
  /** The cluster's name, which the agent keeps to. */
  readonly cluster: string;
  /** The highest term obeyed. */
  term: number;
  /** The conversation with the master: the stream's number, and whether the master has taken us in. */
  session: { readonly id: number; registered: boolean } | undefined;
  readonly frameworks: Map<FrameworkId, FrameworkRecord>;
  readonly tasks: Map<TaskKey, TaskRecord>;
  readonly deadlines: Deadlines;
  /** How many updates wait for an acknowledgement, over all tasks. */
  unacknowledged: number;
}

/** A framework that has tasks here. */
export interface FrameworkRecord {
  readonly id: FrameworkId;
  info: FrameworkInfo;
  /** How many records its tasks have; the framework goes with the last. */
  tasks: number;
}

/** One task, from its launch until its last update is acknowledged. */
export interface TaskRecord {
  readonly key: TaskKey;
  readonly frameworkId: FrameworkId;
  readonly taskId: TaskId;
  readonly containerId: ContainerId;
  /** The runtime that runs it. */
  readonly runtime: string;
  readonly info: TaskInfo;
  /** W3C traceparent of the launch; empty when not traced. */
  readonly traceparent: string;
  readonly launchedAt: Instant;
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
}

/** What is known of a container once it runs. */
export interface ContainerFacts {
  /** The process that watches the task, or the task's own where a daemon watches. */
  readonly pid?: number;
  /** Where the container is reached, if it has an address of its own. */
  readonly ip?: string;
}

/** An order to end a task. */
export interface Kill {
  readonly graceMs: number;
  /** When patience ends; unset while the container has not been asked to end yet. */
  deadline: Instant | undefined;
  readonly why: 'asked' | 'completionTime' | 'agentEnded';
}

/** One status of a task, as it is kept until acknowledged. */
export interface StatusRecord {
  /** 32 hex digits: 16 bytes on the wire. */
  readonly uuid: string;
  readonly state: TaskState;
  readonly source: Source;
  readonly reason?: Reason;
  readonly message?: string;
  readonly at: Instant;
}

/** An agent that knows nothing yet. */
export function emptyState(cluster: string): AgentState {
  return {
    agentId: undefined,
    cluster,
    term: 0,
    session: undefined,
    frameworks: new Map(),
    tasks: new Map(),
    deadlines: new Deadlines(),
    unacknowledged: 0,
  };
}

/** When `tick` has something to do next, if ever. */
export function nextDeadline(state: AgentState): Instant | undefined {
  return state.deadlines.next();
}
