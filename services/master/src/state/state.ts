// What the leading master knows.
//
// Owns:          which agents, frameworks, offers and tasks exist now, and the ledger of every agent's resources.
// Does not own:  the clock, the network, etcd, who leads. It says what should be done; the loop does it.
//
// Invariants
//   M1. `step` is synchronous and deterministic: the same commands at the same instants give the same state and effects.
//   M2. Only `step` writes a MasterState. Everyone else holds a MasterView.
//   M3. A terminal task never changes state again (an UNREACHABLE one is not terminal, and may come back).
//   M4. On every agent, offered and used together never exceed the total. A resource is in at most one offer or task; a shared volume
//       may be in many, and is among the total.
//   M5. What is used on an agent is the sum over its executors and over its tasks that hold something: those that are not terminal and
//       that the agent has not denied.
//   M6. Every task of a framework is also among its agent's tasks, unless the agent is unreachable.
//   M7. Nothing is on offer of an agent that an operator withholds, and one that is being drained is withheld. A gone agent is no agent.
//   M8. Of every agent a framework is asked one thing at a time: an inverse offer exists exactly if its agent knows it as asked.
//   M9. Of each demand, the tasks for which nothing is offered and those that open offers have room for are together no more than were asked for.
//
// Simulated clusters check M4, M5 and M6 after every event as I1 and M3 as I4, and at the end of a run that agents, frameworks and the allocator
// know what the master knows, as L2, L3, L5, L6 and L7: docs/contributing/simulation.md.

import { isTerminal } from '@meseta/model';
import type {
  AgentId,
  Attribute,
  ExecutorId,
  FrameworkId,
  Instant,
  OfferId,
  OperationId,
  OperationState,
  QuotaConfig,
  Resources,
  TaskId,
  TaskState,
} from '@meseta/model';
import type {
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  Offer_Operation,
  TaskInfo,
  TaskStatus,
  Unavailability,
  scheduler,
} from '@meseta/protocol';
import type { Deadlines } from './deadlines';
import type { OfferedRoom, OpenDemand } from './demands';
import type { Maintenance } from './machines';

/** One subscription's stream of events. */
export type StreamId = string;
/** One agent's connection. */
export type SessionId = string;

export interface MasterState {
  readonly options: MasterOptions;
  /** Unique for each term; the prefix of the ids that are given in it. */
  readonly masterId: string;
  readonly cluster: string;
  readonly term: number;
  readonly agents: Map<AgentId, Agent>;
  readonly frameworks: Map<FrameworkId, Framework>;
  readonly offers: Map<OfferId, Offer>;
  /** Torn down or timed out; may not come back (S31). The oldest are forgotten at the bound. */
  readonly completedFrameworks: Map<FrameworkId, CompletedFramework>;
  readonly weights: Map<string, number>;
  /** By role. */
  readonly quotas: Map<string, QuotaConfig>;
  /** Agents that are being drained and not empty yet. */
  readonly draining: Set<AgentId>;
  /** Agents that an operator marked gone, and since when: they may not come back. The oldest are forgotten at the bound. */
  readonly gone: Map<AgentId, Instant>;
  /** Agents that may come back, but not with what ran there, and since when. The oldest are forgotten at the bound. */
  readonly dismissed: Map<AgentId, Instant>;
  maintenance: Maintenance;
  readonly inverseOffers: Map<OfferId, InverseOffer>;
  /** When this master was elected, and how many agents the record had then that were not unreachable: offers wait for them if there are quotas (A4). */
  readonly electedAt: Instant;
  /** Until then no agent becomes unreachable for its silence. */
  nextRemovalAt: Instant;
  readonly agentsAtElection: number;
  readonly deadlines: Deadlines;
  /** Counts changes told to the allocator; see `Agent.resetVersion`. */
  allocationVersion: number;
  /** The change that last told of a quota. A proposal made before it may break a limit, or take what a guarantee needs (A33, A38). Unset before the first. */
  quotaVersion?: number;
  nextFramework: number;
  nextAgent: number;
  nextOffer: number;
}

/** What may be looked at between steps. */
export type MasterView = Readonly<Omit<MasterState, 'deadlines'>>;

export interface MasterOptions {
  /** The region of this master; unset in a cluster without fault domains. */
  readonly region?: string | undefined;
  /** Whether agents that do not say where they are may not register. */
  readonly requireAgentDomain?: boolean;
  /** The only roles that may be used, beside the default one; any may if unset. */
  readonly roles?: ReadonlySet<string> | undefined;
  readonly pingIntervalMs: number;
  readonly pingsMissedMax: number;
  /** How long an agent of the registry may stay away after an election. */
  readonly agentReregisterTimeoutMs: number;
  /** How long a framework may stay away after an election, if its own failover timeout is shorter: it is not its fault. */
  readonly frameworkReregisterTimeoutMs: number;
  /** How long a framework may sit on an offer; 0 means for ever. */
  readonly offerTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly completedFrameworksMax: number;
  readonly completedTasksPerFrameworkMax: number;
  readonly unreachableTasksPerFrameworkMax: number;
  /** At the bound the agent that was marked gone first is forgotten, and might come back. */
  readonly goneAgentsMax: number;
  /** How long after one agent that did not answer the next may become unreachable; 0 is at once. Milliseconds. */
  readonly agentRemovalIntervalMs: number;
}

/**
 * active: registered and connected. disconnected: its connection broke, its silence is counted. recovered: in the registry, not seen
 * since this master was elected. unreachable: silent for too long; it may return.
 */
export type AgentMembership = 'active' | 'disconnected' | 'recovered' | 'unreachable';

export interface Agent {
  readonly id: AgentId;
  info: AgentInfo;
  hostname: string;
  /** Its own resources, as operations have made them, and what it lends on top (`oversubscribed`). */
  total: Resources;
  oversubscribed: Resources;
  attributes: readonly Attribute[];
  capabilities: readonly string[];
  version: string;
  grpcAddress: string;
  httpAddress: string;
  membership: AgentMembership;
  /** When it entered that membership. */
  since: Instant;
  session: SessionId | undefined;
  registeredAt: Instant | undefined;
  reregisteredAt: Instant | undefined;
  pingSequence: number;
  pingsMissed: number;
  pongSeen: boolean;
  /** The moment of the deadline that counts; an older one in the heap is void. */
  nextDeadlineAt: Instant | undefined;
  /** An operator wants nothing of it to be offered. */
  deactivated: boolean;
  /** It came back with tasks of which an end was told: they are ended, and until then nothing of it is offered. */
  dismissed: boolean;
  /** How far it is emptied; only of one that is deactivated. */
  drain: Drain | undefined;
  /** When its machine will be away. */
  unavailability: Unavailability | undefined;
  /** Who was asked to give up what it holds there, and answered what. */
  readonly asked: Map<FrameworkId, Asked>;
  used: Resources;
  offered: Resources;
  readonly tasks: Map<string, Task>;
  /** By framework and executor. Those that agents make for command tasks are not here. */
  readonly executors: Map<string, Executor>;
  readonly operations: Map<OperationUuid, Operation>;
  readonly offers: Set<OfferId>;
  /** The change that last described this agent whole to the allocator. A proposal made before it is stale. */
  resetVersion: number;
}

/** An agent is emptied of its tasks: DRAINED once nothing is left. */
export interface Drain {
  readonly state: 'DRAINING' | 'DRAINED';
  /** The most that a task gets to end; undefined: what each asks for. */
  readonly graceMaxMs: number | undefined;
  /** Whether it is marked gone at the end. */
  readonly markGone: boolean;
  readonly startedAt: Instant;
}

/** A wish that a framework gives up what it holds on an agent. */
export interface InverseOffer {
  readonly id: OfferId;
  readonly frameworkId: FrameworkId;
  readonly agentId: AgentId;
  readonly unavailability: Unavailability;
}

/** What a framework said to the maintenance of an agent's machine. */
export interface Asked {
  /** Undefined when it has answered. */
  readonly offer: InverseOffer | undefined;
  /** Its last answer, and when it came; UNKNOWN before the first. */
  readonly status: 'UNKNOWN' | 'ACCEPT' | 'DECLINE';
  readonly at: Instant;
}

/** active: subscribed. disconnected: its stream ended, its failover timeout runs. recovered: known from registry or agents only. */
export type FrameworkMembership = 'active' | 'disconnected' | 'recovered';

export interface Framework {
  readonly id: FrameworkId;
  info: FrameworkInfo;
  roles: readonly string[];
  capabilities: ReadonlySet<string>;
  readonly suppressed: Set<string>;
  /** Which agents it wants to hear of (S95); checked. */
  offerConstraints: scheduler.OfferConstraints | undefined;
  /** What it asked for in particular; checked. Forgotten when it disconnects. */
  demands: readonly OpenDemand[];
  /** The number of the change that told the allocator of them. */
  demandsVersion: number;
  failoverTimeoutMs: number;
  membership: FrameworkMembership;
  stream: StreamId | undefined;
  registeredAt: Instant;
  reregisteredAt: Instant | undefined;
  /** When it is removed if it does not come back. */
  failoverAt: Instant | undefined;
  readonly tasks: Map<TaskId, Task>;
  /** Tasks on unreachable agents, oldest first. */
  readonly unreachable: Map<TaskId, Task>;
  /** Acknowledged terminal tasks, oldest first. */
  readonly completed: Task[];
  readonly offers: Set<OfferId>;
  /** Operations that are not done, or whose end it has not acknowledged. */
  readonly operations: Map<OperationUuid, Operation>;
}

export interface CompletedFramework {
  readonly id: FrameworkId;
  readonly info: FrameworkInfo;
  readonly registeredAt: Instant;
  readonly removedAt: Instant;
  readonly completed: readonly Task[];
}

export interface Offer {
  readonly id: OfferId;
  readonly frameworkId: FrameworkId;
  readonly agentId: AgentId;
  readonly role: string;
  /** Without allocation role. */
  readonly resources: Resources;
  readonly allocatedAt: Instant;
  readonly offeredAt: Instant;
  /** The trace that the allocation began; empty when not traced. */
  readonly traceparent: string;
  /** For how many tasks that its framework asked for it has room. */
  readonly room: OfferedRoom;
}

export interface Task {
  readonly id: TaskId;
  readonly frameworkId: FrameworkId;
  readonly agentId: AgentId;
  readonly info: TaskInfo;
  /** The executor that runs it; undefined for a command task. */
  readonly executorId: ExecutorId | undefined;
  readonly role: string;
  /** Without allocation role. Held on the agent until the task is terminal. */
  readonly resources: Resources;
  /** The newest state known, which may be ahead of what the framework was told. */
  state: TaskState;
  /** What the framework was told last, if anything. */
  toldState: TaskState | undefined;
  /** The update that is on its way to the framework, there or not: what it is told when it asks, so that an answer never runs ahead. */
  updateState: TaskState | undefined;
  /** The newest status of each state, without data (T31). */
  readonly statuses: TaskStatus[];
  /** The update that waits for an acknowledgement. */
  unacknowledged: { readonly uuid: string; readonly state: TaskState } | undefined;
  /** A kill that could not be sent: the agent was away. */
  killPending: { readonly graceMs: number | undefined } | undefined;
  /** Its framework is gone: the master acknowledges in its place. */
  orphaned: boolean;
  /** The agent registered without it, and was asked what became of it: it holds nothing. */
  denied: boolean;
  unreachableSince: Instant | undefined;
  readonly allocatedAt: Instant | undefined;
  readonly launchedAt: Instant | undefined;
}

/** 16 bytes in hexadecimal: the master's own name of an operation. */
export type OperationUuid = string;

/** A program that runs tasks of its framework: one of the framework's own, or the agent's for its task groups. It holds resources while it lives. */
export interface Executor {
  readonly id: ExecutorId;
  readonly frameworkId: FrameworkId;
  readonly agentId: AgentId;
  readonly info: ExecutorInfo;
  readonly role: string;
  /** Its own, beside those of its tasks. Without allocation role. */
  readonly resources: Resources;
}

/** A change of an agent's resources that its agent was told to make. The master's ledger has it already. */
export interface Operation {
  readonly uuid: OperationUuid;
  /** Given by its framework if it wants to hear how it ends. */
  readonly id: OperationId | undefined;
  /** Undefined for an operator's. */
  readonly frameworkId: FrameworkId | undefined;
  readonly agentId: AgentId;
  readonly info: Offer_Operation;
  state: OperationState;
  /** What its framework was told last, if anything. */
  toldState: OperationState | undefined;
  /** The status that waits for an acknowledgement, 16 bytes in hexadecimal. */
  unacknowledged: string | undefined;
  /** Its agent said that it does not have it, which nobody repeats, and its framework was away. */
  denied: boolean;
}

/** The agent of a session, once it has registered in it. It may not have heard yet which id it was given. */
export function agentOfSession(
  { agents }: Pick<MasterView, 'agents'>,
  session: SessionId,
): Agent | undefined {
  for (const agent of agents.values()) if (agent.session === session) return agent;
  return undefined;
}

/** The key of an executor among an agent's. */
export function executorKey(frameworkId: FrameworkId, executorId: ExecutorId): string {
  return `${frameworkId}/${executorId}`;
}

/** Whether a task holds resources of its agent (M5). */
export function holds(task: Task): boolean {
  return !isTerminal(task.state) && !task.denied;
}

/** The key of a task among an agent's: ids hold no slash (S87). */
export function taskKey(frameworkId: FrameworkId, taskId: TaskId): string {
  return `${frameworkId}/${taskId}`;
}

export function isPartitionAware(framework: Framework): boolean {
  return framework.capabilities.has('PARTITION_AWARE');
}
