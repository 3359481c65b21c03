import type {
  AgentId,
  Attribute,
  Domain,
  ExecutorId,
  Failure,
  FrameworkId,
  OfferId,
  OperationId,
  OperationState,
  QuotaConfig,
  ResourceOperation,
  Resources,
  TaskId,
  TaskState,
} from '@meseta/model';
import type {
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  Offer_Operation,
  OperationStatus,
  Task,
  TaskInfo,
  TaskStatus,
  scheduler,
} from '@meseta/protocol';
import type { TasksByDemand, Wanted } from './demands';
import type { Machine, MaintenanceWindow } from './machines';
import type { OperationUuid, SessionId, StreamId } from './state';

/** Identifies a call that waits for its reply. */
export type CallId = number;

/** A framework's description with what the core reasons about read out of it. */
export interface FrameworkDescription {
  readonly info: FrameworkInfo;
  /** Undefined for a framework that has none yet. */
  readonly id: FrameworkId | undefined;
  readonly roles: readonly string[];
  readonly capabilities: ReadonlySet<string>;
  readonly failoverTimeoutMs: number;
  /** Which agents it wants to hear of. */
  readonly offerConstraints?: scheduler.OfferConstraints | undefined;
  /** Why its constraints or offer filters cannot be read. */
  readonly unreadable?: Failure | undefined;
}

/** A task as an agent reports it. */
export interface ReportedTask {
  readonly taskId: TaskId;
  readonly frameworkId: FrameworkId;
  readonly task: Task;
  readonly info: TaskInfo;
  readonly executorId: ExecutorId | undefined;
  readonly role: string;
  readonly resources: Resources;
  readonly state: TaskState;
}

/** An executor as an agent reports it. */
export interface ReportedExecutor {
  readonly executorId: ExecutorId;
  readonly frameworkId: FrameworkId;
  readonly info: ExecutorInfo;
  readonly role: string;
  readonly resources: Resources;
}

/** An operation as an agent reports it. */
export interface ReportedOperation {
  readonly uuid: OperationUuid;
  readonly id: OperationId | undefined;
  readonly frameworkId: FrameworkId | undefined;
  readonly info: Offer_Operation;
  readonly state: OperationState;
}

export interface AgentRegistration {
  readonly session: SessionId;
  /** Undefined for an agent that has none yet. */
  readonly agentId: AgentId | undefined;
  readonly info: AgentInfo;
  readonly cluster: string;
  readonly version: string;
  readonly capabilities: readonly string[];
  readonly grpcAddress: string;
  readonly httpAddress: string;
  /** Its own resources, as operations have made them. */
  readonly total: Resources;
  readonly oversubscribed: Resources;
  readonly attributes: readonly Attribute[];
  readonly domain?: Domain | undefined;
  readonly tasks: readonly ReportedTask[];
  readonly executors: readonly ReportedExecutor[];
  readonly operations: readonly ReportedOperation[];
  readonly frameworks: readonly FrameworkDescription[];
}

/** A task that a framework wants to launch. */
export interface TaskToLaunch {
  readonly taskId: TaskId;
  readonly info: TaskInfo;
  /** As read from the call, without allocation role; a failure when they could not be read. */
  readonly resources: Resources | Failure;
  /** Undefined for a command task. */
  readonly executor: ExecutorToLaunch | undefined;
}

/** An executor that a framework wants to run tasks with; it may run already. */
export interface ExecutorToLaunch {
  readonly executorId: ExecutorId;
  readonly info: ExecutorInfo;
  /** As read from the call, without allocation role; a failure when they could not be read. */
  readonly resources: Resources | Failure;
}

/** One thing to do with accepted offers. */
export type OfferOperation = {
  /** Stamped at the edge: the name of the operation if it becomes one that is followed. */
  readonly uuid: OperationUuid;
  /** Set by a framework that wants to hear how it ends. */
  readonly id: OperationId | undefined;
} & (
  | { readonly kind: 'launch'; readonly tasks: readonly TaskToLaunch[] }
  | {
      readonly kind: 'launchGroup';
      readonly executor: ExecutorToLaunch | undefined;
      readonly tasks: readonly TaskToLaunch[];
    }
  | {
      readonly kind: 'resources';
      readonly info: Offer_Operation;
      /** As read from the call; a failure when it could not be. */
      readonly operation: ResourceOperation | Failure;
    }
);

/** One ACCEPT. A call may carry several; they are handled in order. */
export interface Accept {
  readonly offerIds: readonly OfferId[];
  readonly operations: readonly OfferOperation[];
  readonly refuseMs: number;
}

export interface Decline {
  readonly offerIds: readonly OfferId[];
  readonly refuseMs: number;
}

export interface Kill {
  readonly taskId: TaskId;
  readonly agentId: AgentId | undefined;
  readonly graceMs: number | undefined;
}

export interface Acknowledgement {
  readonly agentId: AgentId;
  readonly taskId: TaskId;
  /** 16 bytes in hexadecimal. */
  readonly uuid: string;
}

export interface OperationAcknowledgement {
  readonly agentId: AgentId;
  readonly operationId: OperationId;
  /** 16 bytes in hexadecimal. */
  readonly uuid: string;
}

export interface ReconciledOperation {
  readonly operationId: OperationId;
  readonly agentId: AgentId | undefined;
}

/** Bytes for an executor. */
export interface MessageToExecutor {
  readonly agentId: AgentId;
  readonly executorId: ExecutorId;
  readonly data: Uint8Array;
}

export interface ExecutorShutdown {
  readonly agentId: AgentId;
  readonly executorId: ExecutorId;
}

export interface ReconciledTask {
  readonly taskId: TaskId;
  readonly agentId: AgentId | undefined;
}

/** What the allocator proposes to offer. */
export interface Proposal {
  readonly frameworkId: FrameworkId;
  readonly role: string;
  readonly agentId: AgentId;
  readonly resources: Resources;
  readonly allocatedAtMs: number;
  readonly traceparent: string;
  /** For how many tasks that the framework asked for it has room. */
  readonly tasks: TasksByDemand;
}

/** The answer to inverse offers. */
export interface InverseAnswer {
  readonly offerIds: readonly OfferId[];
  readonly refuseMs: number;
}

/** Whom the allocator proposes to ask for what it holds on an agent with planned maintenance. */
export interface InverseProposal {
  readonly frameworkId: FrameworkId;
  readonly agentId: AgentId;
  /** When the window begins that it was made for. */
  readonly startMs: number;
}

/** Who calls: a framework, and the subscription it thinks is the newest (empty: any). */
export interface Caller {
  readonly call: CallId;
  readonly frameworkId: FrameworkId;
  readonly stream: StreamId;
}

/** Everything that can happen to a leading master. */
export type Command =
  | {
      readonly kind: 'subscribe';
      readonly stream: StreamId;
      readonly framework: FrameworkDescription;
      readonly suppressedRoles: readonly string[];
    }
  | { readonly kind: 'streamEnded'; readonly stream: StreamId }
  | ({ readonly kind: 'accept'; readonly accepts: readonly Accept[] } & Caller)
  | ({ readonly kind: 'decline'; readonly declines: readonly Decline[] } & Caller)
  | ({ readonly kind: 'revive'; readonly roles: readonly string[] } & Caller)
  | ({ readonly kind: 'suppress'; readonly roles: readonly string[] } & Caller)
  | ({ readonly kind: 'kill'; readonly kills: readonly Kill[] } & Caller)
  | ({ readonly kind: 'acknowledge'; readonly acknowledgements: readonly Acknowledgement[] } & Caller)
  | ({ readonly kind: 'reconcile'; readonly tasks: readonly ReconciledTask[] } & Caller)
  | ({
      readonly kind: 'acknowledgeOperations';
      readonly acknowledgements: readonly OperationAcknowledgement[];
    } & Caller)
  | ({
      readonly kind: 'reconcileOperations';
      readonly operations: readonly ReconciledOperation[];
    } & Caller)
  | ({ readonly kind: 'message'; readonly messages: readonly MessageToExecutor[] } & Caller)
  | ({ readonly kind: 'shutdown'; readonly shutdowns: readonly ExecutorShutdown[] } & Caller)
  | ({
      readonly kind: 'updateFramework';
      readonly framework: FrameworkDescription;
      readonly suppressedRoles: readonly string[];
    } & Caller)
  | ({ readonly kind: 'teardown' } & Caller)
  /** What a framework wants in particular, in place of what it wanted before. */
  | ({ readonly kind: 'request'; readonly wanted: readonly Wanted[] } & Caller)
  | ({ readonly kind: 'acceptInverse'; readonly answers: readonly InverseAnswer[] } & Caller)
  | ({ readonly kind: 'declineInverse'; readonly answers: readonly InverseAnswer[] } & Caller)
  /** A hint or a message that is taken and has no effect in this version (S66, S107). */
  | ({ readonly kind: 'noted' } & Caller)
  | {
      readonly kind: 'operatorKill';
      readonly call: CallId;
      readonly frameworkId: FrameworkId;
      readonly taskId: TaskId;
      readonly graceMs: number | undefined;
    }
  | {
      readonly kind: 'updateQuota';
      readonly call: CallId;
      readonly quotas: readonly QuotaConfig[];
      /** Set limits below what is used, and guarantees that cannot be kept. */
      readonly force: boolean;
    }
  | {
      readonly kind: 'updateWeights';
      readonly call: CallId;
      readonly weights: readonly { readonly role: string; readonly weight: number }[];
    }
  | {
      readonly kind: 'drainAgent';
      readonly call: CallId;
      readonly agentId: AgentId;
      /** The most that a task gets to end; undefined: what each asks for. */
      readonly graceMaxMs: number | undefined;
      readonly markGone: boolean;
    }
  | { readonly kind: 'deactivateAgent'; readonly call: CallId; readonly agentId: AgentId }
  | { readonly kind: 'reactivateAgent'; readonly call: CallId; readonly agentId: AgentId }
  | { readonly kind: 'markAgentGone'; readonly call: CallId; readonly agentId: AgentId }
  | {
      readonly kind: 'updateSchedule';
      readonly call: CallId;
      readonly windows: readonly MaintenanceWindow[];
    }
  | { readonly kind: 'startMaintenance'; readonly call: CallId; readonly machines: readonly Machine[] }
  | { readonly kind: 'stopMaintenance'; readonly call: CallId; readonly machines: readonly Machine[] }
  | { readonly kind: 'operatorTeardown'; readonly call: CallId; readonly frameworkId: FrameworkId }
  | ({ readonly kind: 'agentRegister' } & AgentRegistration)
  | { readonly kind: 'agentSessionEnded'; readonly session: SessionId; readonly agentId: AgentId }
  | {
      readonly kind: 'agentUnregister';
      readonly session: SessionId;
      readonly agentId: AgentId;
      readonly reason: string;
    }
  | {
      readonly kind: 'pong';
      readonly session: SessionId;
      readonly agentId: AgentId;
      readonly sequence: number;
    }
  | {
      readonly kind: 'statusUpdate';
      readonly session: SessionId;
      readonly agentId: AgentId;
      readonly frameworkId: FrameworkId;
      readonly taskId: TaskId;
      readonly status: TaskStatus;
      readonly state: TaskState;
      readonly latestState: TaskState;
      /** 16 bytes in hexadecimal; empty for an update that needs no acknowledgement. */
      readonly uuid: string;
      readonly traceparent: string;
    }
  | {
      readonly kind: 'operationUpdate';
      readonly session: SessionId;
      readonly agentId: AgentId;
      readonly operationUuid: OperationUuid;
      readonly status: OperationStatus;
      readonly state: OperationState;
      readonly latestState: OperationState;
      /** 16 bytes in hexadecimal; empty for a status that needs no acknowledgement. */
      readonly uuid: string;
    }
  | {
      readonly kind: 'executorMessage';
      readonly session: SessionId;
      readonly agentId: AgentId;
      readonly frameworkId: FrameworkId;
      readonly executorId: ExecutorId;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: 'executorEnded';
      readonly session: SessionId;
      readonly agentId: AgentId;
      readonly frameworkId: FrameworkId;
      readonly executorId: ExecutorId;
      readonly status: number;
    }
  | {
      readonly kind: 'agentResources';
      readonly session: SessionId;
      readonly agentId: AgentId;
      /** Undefined: its own are as they were. */
      readonly total: Resources | undefined;
      readonly oversubscribed: Resources;
    }
  /** An operator's operation on what an agent has. */
  | {
      readonly kind: 'operateAgent';
      readonly call: CallId;
      readonly agentId: AgentId;
      /** Stamped at the edge. */
      readonly uuid: OperationUuid;
      readonly info: Offer_Operation;
      readonly operation: ResourceOperation;
    }
  /** A new stream to the allocator is open: it is told everything. */
  | { readonly kind: 'allocatorConnected' }
  | { readonly kind: 'proposals'; readonly version: number; readonly proposals: readonly Proposal[] }
  | { readonly kind: 'inverseProposals'; readonly proposals: readonly InverseProposal[] }
  /** Something may have come due. */
  | { readonly kind: 'tick' };
