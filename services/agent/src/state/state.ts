// The agent, without the world.
//
// Owns:          which frameworks, executors and tasks this agent answers for, what its resources are, what must be told to the master and
//                when again, whom it obeys.
// Does not own:  the clock, processes, the disk, the network. It says what should be done; the loop does it.
//
// Invariants
//   A1. `step` is synchronous and deterministic: the same commands at the same instants give the same effects.
//   A2. A task is started at most once: a record is made before its start, and a task with a record is never launched again.
//   A3. A terminal task never changes state again, and its record stays until its last update is acknowledged.
//   A4. Of one task's updates one is in flight; the next follows only after its acknowledgement.
//   A5. Nothing is done that a master of a lower term asks for, once a higher one was obeyed.
//   A6. An operation is applied at most once while its record is kept, and a status of it is told only when its change is durable.
//   A7. Of a group either all tasks are started or none; when one of it fails or is killed the others end.
//   A8. No gpu is given to two that have not ended (gpus.test.ts).
//
// Simulated clusters check A2 after every event as I8, A3 as I4, A4 as I6 and A5 as I7, and that what runs has a record and what the records hold
// is there as I5, I2 and I3: docs/contributing/simulation.md.

import type { Configuration } from './reconfiguration';
import type { AgentId, FrameworkId, Instant } from '@meseta/model';
import { Resources } from '@meseta/model';
import type { FrameworkInfo } from '@meseta/protocol';
import { Deadlines } from './deadlines';
import type { ExecutorKey, ExecutorRecord, ExecutorTiming } from './executor-record';
import { executorTimingDefault } from './executor-record';
import type { OperationRecord } from './operation-record';
import type { TaskKey, TaskRecord } from './task-record';

export { executorKey, type ExecutorKey, type ExecutorRecord, type ExecutorTiming } from './executor-record';
export {
  lasting,
  taskKey,
  type ContainerFacts,
  type Kill,
  type StartedFacts,
  type StatusRecord,
  type TaskKey,
  type TaskRecord,
} from './task-record';

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
  readonly executors: Map<ExecutorKey, ExecutorRecord>;
  readonly tasks: Map<TaskKey, TaskRecord>;
  /** What the agent has, with every reservation and volume applied. */
  resources: Resources;
  /** What the operator said of the agent at its last start; unset before the first. */
  configuration: Configuration | undefined;
  /** Whether an operation ever changed them. */
  resourcesChanged: boolean;
  /** What may be offered on top, to be taken back at any moment. */
  oversubscribed: Resources;
  /** The gpus that may be given out, by their ids and in that order; unset where there are no devices behind the resource. */
  gpus: readonly string[] | undefined;
  /** Operations that have not ended, or whose last status is not acknowledged. */
  readonly operations: Map<string, OperationRecord>;
  /** The newest operations that are over, so that one which is asked for again is answered. Not kept. */
  readonly operationsPast: Map<string, OperationRecord>;
  /** Set while the agent is being emptied. */
  drain: Drain | undefined;
  readonly timing: ExecutorTiming;
  readonly deadlines: Deadlines;
  /** How many updates wait for an acknowledgement, over all tasks. */
  unacknowledged: number;
}

/** A framework that has tasks or executors here. */
export interface FrameworkRecord {
  readonly id: FrameworkId;
  info: FrameworkInfo;
  /** How many records of tasks and executors name it; it goes with the last. */
  uses: number;
}

/** The agent is being emptied. */
export interface Drain {
  /** The longest grace that any task gets; unset is each task's own. */
  readonly graceMaxMs: number | undefined;
  /** What is killed is told as gone for good. */
  readonly markGone: boolean;
}

/** An agent that knows nothing yet. */
export function emptyState(cluster: string, timing: ExecutorTiming = executorTimingDefault): AgentState {
  return {
    agentId: undefined,
    cluster,
    term: 0,
    session: undefined,
    frameworks: new Map(),
    executors: new Map(),
    tasks: new Map(),
    resources: Resources.empty,
    configuration: undefined,
    resourcesChanged: false,
    oversubscribed: Resources.empty,
    gpus: undefined,
    operations: new Map(),
    operationsPast: new Map(),
    drain: undefined,
    timing,
    deadlines: new Deadlines(),
    unacknowledged: 0,
  };
}

/** When `tick` has something to do next, if ever. */
export function nextDeadline(state: AgentState): Instant | undefined {
  return state.deadlines.next();
}
