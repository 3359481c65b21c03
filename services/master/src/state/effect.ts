import type {
  AgentId,
  Attribute,
  ExecutorId,
  Failure,
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
  Demand,
  DomainInfo,
  OfferFilters,
  OperationStatus,
  TaskStatus,
  Unavailability,
  internal,
  scheduler,
} from '@meseta/protocol';
import type { TasksByDemand } from './demands';
import type { CallId } from './command';
import type {
  Agent,
  AgentMembership,
  Executor,
  Framework,
  FrameworkMembership,
  InverseOffer,
  Offer,
  Operation,
  SessionId,
  StreamId,
  Task,
} from './state';

/** A status that the master makes itself: it has no uuid and needs no acknowledgement (T27). */
export interface MadeStatus {
  readonly taskId: TaskId;
  readonly state: TaskState;
  readonly agentId: AgentId | undefined;
  readonly reason: string;
  readonly message: string;
  readonly at: Instant;
  readonly unreachableSince: Instant | undefined;
  /** The last status that came from the agent, whose health and container the answer repeats (T50). */
  readonly like: TaskStatus | undefined;
}

/** A status of an operation that the master makes itself: it has no uuid and needs no acknowledgement. */
export interface MadeOperationStatus {
  readonly operationId: OperationId;
  readonly state: OperationState;
  readonly agentId: AgentId | undefined;
  readonly message: string;
}

/** What a framework is told. */
export type FrameworkEvent =
  | { readonly kind: 'subscribed'; readonly frameworkId: FrameworkId }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'offers'; readonly offers: readonly { readonly offer: Offer; readonly agent: Agent }[] }
  | { readonly kind: 'rescind'; readonly offerId: OfferId }
  | {
      readonly kind: 'inverseOffers';
      readonly offers: readonly { readonly offer: InverseOffer; readonly agent: Agent }[];
    }
  | { readonly kind: 'rescindInverse'; readonly offerId: OfferId }
  | { readonly kind: 'update'; readonly status: TaskStatus; readonly shownState: TaskState }
  | { readonly kind: 'madeUpdate'; readonly status: MadeStatus }
  | { readonly kind: 'operationUpdate'; readonly status: OperationStatus }
  | { readonly kind: 'madeOperationUpdate'; readonly status: MadeOperationStatus }
  | {
      readonly kind: 'message';
      readonly agentId: AgentId;
      readonly executorId: ExecutorId;
      readonly data: Uint8Array;
    }
  | { readonly kind: 'agentFailure'; readonly agentId: AgentId }
  | {
      readonly kind: 'executorFailure';
      readonly agentId: AgentId;
      readonly executorId: ExecutorId;
      /** As wait(2) tells. */
      readonly status: number;
    }
  | { readonly kind: 'error'; readonly message: string };

/** What the allocator is told. Resources carry no allocation role. */
export type AllocationChange =
  | {
      readonly kind: 'agentChanged';
      readonly agentId: AgentId;
      readonly hostname: string;
      readonly total: Resources;
      readonly attributes: readonly Attribute[];
      readonly active: boolean;
      /** Why it is not, in words for explanations; unset when it is not connected. */
      readonly withheld?: string;
      readonly domain?: DomainInfo | undefined;
      readonly unavailability?: Unavailability | undefined;
      readonly holdings: readonly Holding[];
    }
  | {
      readonly kind: 'agentActivated';
      readonly agentId: AgentId;
      readonly active: boolean;
      readonly withheld?: string;
    }
  | { readonly kind: 'agentRemoved'; readonly agentId: AgentId }
  | {
      readonly kind: 'frameworkChanged';
      readonly frameworkId: FrameworkId;
      readonly name: string;
      readonly roles: readonly string[];
      readonly suppressedRoles: readonly string[];
      readonly active: boolean;
      readonly capabilities: readonly string[];
      readonly offerConstraints: scheduler.OfferConstraints | undefined;
      readonly offerFilters: Readonly<Record<string, OfferFilters>>;
    }
  | { readonly kind: 'frameworkRemoved'; readonly frameworkId: FrameworkId }
  | ({
      readonly kind: 'recovered';
      readonly agentId: AgentId;
      /** Below 0 nobody refused it. */
      readonly refuseMs: number;
      /** It was offered and not used; else what held it has ended. With `offers`, how many offers ended with it. */
      readonly unused?: boolean;
      /** For how many tasks that were asked for there is room in it; with `unused`. */
      readonly tasks?: TasksByDemand;
    } & Holding)
  /** Offers were accepted, and all of them is used. */
  | {
      readonly kind: 'offersAccepted';
      readonly agentId: AgentId;
      readonly frameworkId: FrameworkId;
      readonly role: string;
      readonly offers: number;
    }
  /** The agent has more or less than it had; who holds what is as it was, and proposals under way stay good. */
  | { readonly kind: 'totalChanged'; readonly agentId: AgentId; readonly total: Resources }
  /** Resources of an agent became others, with their holder if they have one. */
  | {
      readonly kind: 'converted';
      readonly agentId: AgentId;
      readonly holder: { readonly frameworkId: FrameworkId; readonly role: string } | undefined;
      readonly consumed: Resources;
      readonly produced: Resources;
    }
  /** Maintenance of an agent's machine is planned, changed or called off. */
  | {
      readonly kind: 'unavailabilityChanged';
      readonly agentId: AgentId;
      readonly unavailability: Unavailability | undefined;
    }
  /** A framework answered an inverse offer, or it was taken back. */
  | {
      readonly kind: 'inverseOfferAnswered';
      readonly agentId: AgentId;
      readonly frameworkId: FrameworkId;
      readonly refuseMs: number;
    }
  /** All that a framework wants in particular; of what an earlier allocator was told, for how many tasks nothing is offered. */
  | {
      readonly kind: 'demanded';
      readonly frameworkId: FrameworkId;
      readonly demands: readonly Demand[];
      readonly remaining: TasksByDemand;
    }
  | { readonly kind: 'quotaChanged'; readonly quota: QuotaConfig }
  | {
      readonly kind: 'clusterChanged';
      readonly region: string;
      readonly expectedAgents: number;
      readonly electedAt: Instant;
    }
  | { readonly kind: 'suppressed'; readonly frameworkId: FrameworkId; readonly roles: readonly string[] }
  | { readonly kind: 'revived'; readonly frameworkId: FrameworkId; readonly roles: readonly string[] }
  | { readonly kind: 'weightChanged'; readonly role: string; readonly weight: number }
  /** All that there was when the stream opened has been told. */
  | { readonly kind: 'snapshotEnd' };

export interface Holding {
  readonly frameworkId: FrameworkId;
  readonly role: string;
  readonly resources: Resources;
  /** How many offers it is that are not answered, or that ended with it. */
  readonly offers?: number;
}

/** What operators who watch are told. */
export type OperatorEvent =
  | { readonly kind: 'taskAdded'; readonly task: Task }
  | { readonly kind: 'taskUpdated'; readonly task: Task; readonly status: TaskStatus | undefined }
  | { readonly kind: 'agentAdded'; readonly agent: Agent }
  | { readonly kind: 'agentRemoved'; readonly agentId: AgentId }
  | { readonly kind: 'frameworkAdded'; readonly framework: Framework }
  | { readonly kind: 'frameworkUpdated'; readonly framework: Framework }
  | { readonly kind: 'frameworkRemoved'; readonly framework: Framework };

export type OfferOutcome = 'accepted' | 'declined' | 'rescinded' | 'expired' | 'withdrawn';

/** What happened, for logs, metrics and spans: the core stays silent, the loop tells. */
export type Observation =
  | { readonly kind: 'offerSent'; readonly offer: Offer }
  | { readonly kind: 'offerDecided'; readonly offer: Offer; readonly outcome: OfferOutcome }
  | {
      readonly kind: 'launchRefused';
      readonly framework: Framework;
      readonly offerIds: readonly OfferId[];
      readonly taskId: TaskId;
      readonly reason: string;
      readonly message: string;
    }
  | { readonly kind: 'proposalDropped'; readonly why: 'stale' | 'unfit' | 'gone' }
  | {
      readonly kind: 'taskState';
      readonly task: Task;
      readonly from: TaskState | undefined;
      readonly to: TaskState;
    }
  | {
      readonly kind: 'statusForwarded';
      readonly task: Task;
      readonly state: TaskState;
      readonly traceparent: string;
    }
  | {
      readonly kind: 'agent';
      readonly agentId: AgentId;
      readonly to: AgentMembership | 'removed' | 'deactivated' | 'reactivated' | 'draining' | 'drained';
      readonly why: string;
    }
  | { readonly kind: 'agentRefused'; readonly hostname: string; readonly why: string }
  | { readonly kind: 'removalDelayed'; readonly agentId: AgentId }
  | {
      readonly kind: 'framework';
      readonly frameworkId: FrameworkId;
      readonly name: string;
      readonly to: FrameworkMembership | 'removed';
      readonly why: string;
    }
  | { readonly kind: 'operation'; readonly operation: Operation }
  /** An operation of an ACCEPT that was refused; the operations before and after it are not undone (S61). */
  | {
      readonly kind: 'operationDropped';
      readonly framework: Framework;
      readonly type: string;
      readonly why: string;
    }
  | { readonly kind: 'ignored'; readonly what: IgnoredKind };

/** What came and had no effect: it named nothing that is known here. */
export type IgnoredKind =
  | 'acknowledgement'
  | 'statusUpdate'
  | 'kill'
  | 'pong'
  | 'operationUpdate'
  | 'operationAcknowledgement'
  | 'message'
  | 'shutdown'
  | 'executorEnded';

/** What the master asks of the world. Commits are made durable first; nothing else leaves before they are. */
export type Effect =
  | { readonly kind: 'commit'; readonly operation: internal.RegistryOperation }
  | { readonly kind: 'reply'; readonly call: CallId; readonly result: Failure | Task | Framework | undefined }
  | { readonly kind: 'event'; readonly stream: StreamId; readonly event: FrameworkEvent }
  | { readonly kind: 'endStream'; readonly stream: StreamId }
  | { readonly kind: 'toAgent'; readonly session: SessionId; readonly message: internal.MasterMessage }
  | {
      readonly kind: 'launch';
      readonly session: SessionId;
      readonly framework: Framework;
      readonly task: Task;
      /** The task's executor, if it has one of its own. */
      readonly executor: Executor | undefined;
      readonly offerId: OfferId;
    }
  | {
      readonly kind: 'launchGroup';
      readonly session: SessionId;
      readonly framework: Framework;
      readonly executor: Executor;
      readonly tasks: readonly Task[];
      readonly offerId: OfferId;
    }
  /** With a reason the agent may try again later. */
  | { readonly kind: 'endSession'; readonly session: SessionId; readonly why?: Failure }
  | {
      readonly kind: 'allocation';
      readonly version: number;
      readonly snapshot: boolean;
      readonly change: AllocationChange;
    }
  | { readonly kind: 'operator'; readonly event: OperatorEvent }
  | { readonly kind: 'seen'; readonly observation: Observation };
