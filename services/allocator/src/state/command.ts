import type {
  AgentConstraints,
  AgentId,
  Attribute,
  Domain,
  FrameworkId,
  Resources,
  QuotaConfig,
} from '@meseta/model';
import type { Unavailability } from './agents/agent';
import type { Demand, TasksByDemand } from './demand/seat-demands';

/** What one framework holds on an agent in one role: offered to it, or used by its tasks. */
export interface Holding {
  readonly frameworkId: FrameworkId;
  readonly role: string;
  readonly resources: Resources;
  /** How many offers of it are not answered yet; 0 for what is used. */
  readonly offers?: number;
}

/** An agent as the master describes it. */
export interface AgentDescription {
  readonly agentId: AgentId;
  readonly hostname: string;
  readonly total: Resources;
  readonly attributes: readonly Attribute[];
  readonly domain?: Domain | undefined;
  readonly active: boolean;
  /** Why it is not active: `draining`, `deactivated`; empty when it is not connected. */
  readonly withheld?: string;
  readonly unavailability?: Unavailability | undefined;
  readonly holdings: readonly Holding[];
}

/** A framework as the master describes it. */
export interface FrameworkDescription {
  readonly frameworkId: FrameworkId;
  readonly name: string;
  readonly roles: readonly string[];
  readonly suppressedRoles: readonly string[];
  readonly active: boolean;
  readonly capabilities: readonly string[];
  /** By role. */
  readonly constraints?: ReadonlyMap<string, AgentConstraints>;
  /** By role: what an offer must hold one of, in thousandths by name; a role that is not there takes the cluster's least. */
  readonly least?: ReadonlyMap<string, readonly ReadonlyMap<string, number>[]>;
}

/** Everything that can happen to the allocator. */
export type Command =
  | { readonly kind: 'agentChanged'; readonly agent: AgentDescription }
  | {
      readonly kind: 'agentActivated';
      readonly agentId: AgentId;
      readonly active: boolean;
      readonly withheld?: string;
    }
  | { readonly kind: 'agentRemoved'; readonly agentId: AgentId }
  /** The agent has more or less than it had; who holds what on it is as it was. */
  | { readonly kind: 'totalChanged'; readonly agentId: AgentId; readonly total: Resources }
  /**
   * Resources of an agent became others (reserved, made a volume …), in the total and, if somebody holds them, there. What nobody holds must be free:
   * an operator's operation.
   */
  | {
      readonly kind: 'converted';
      readonly agentId: AgentId;
      readonly holder: { readonly frameworkId: FrameworkId; readonly role: string } | undefined;
      readonly consumed: Resources;
      readonly produced: Resources;
    }
  /** Maintenance is planned, changed or called off. */
  | {
      readonly kind: 'unavailabilityChanged';
      readonly agentId: AgentId;
      readonly unavailability: Unavailability | undefined;
    }
  | {
      readonly kind: 'inverseOfferAnswered';
      readonly agentId: AgentId;
      readonly frameworkId: FrameworkId;
      readonly refuseMs: number;
    }
  | { readonly kind: 'frameworkChanged'; readonly framework: FrameworkDescription }
  | { readonly kind: 'frameworkRemoved'; readonly frameworkId: FrameworkId }
  /** Resources came back. */
  | ({
      readonly kind: 'recovered';
      readonly agentId: AgentId;
      /** For how long the framework refuses what it did not use, but for an allocation interval at least; less than 0 if nobody refused it. */
      readonly refuseMs: number;
      /** They were offered and never used; else a task that used them has ended. */
      readonly unused?: boolean;
      /** For how many tasks that were asked for there is room in it; told from the resources if unset. */
      readonly tasks?: TasksByDemand | undefined;
    } & Holding)
  | ({ readonly kind: 'allocated'; readonly agentId: AgentId } & Holding)
  /** Offers of a framework were accepted, and what is not used of them comes back by messages of its own. */
  | {
      readonly kind: 'accepted';
      readonly agentId: AgentId;
      readonly frameworkId: FrameworkId;
      readonly role: string;
      readonly offers: number;
    }
  | { readonly kind: 'suppressed'; readonly frameworkId: FrameworkId; readonly roles: readonly string[] }
  | { readonly kind: 'revived'; readonly frameworkId: FrameworkId; readonly roles: readonly string[] }
  /** All that the framework asks for; replaces what it asked for before. */
  | {
      readonly kind: 'demanded';
      readonly frameworkId: FrameworkId;
      readonly demands: readonly Demand[];
      /** Of those that another allocator was told before: for how many tasks nothing is offered. */
      readonly remaining?: TasksByDemand;
    }
  | { readonly kind: 'weightChanged'; readonly role: string; readonly weight: number }
  | { readonly kind: 'quotaChanged'; readonly quota: QuotaConfig }
  /** What holds for the whole cluster: the master's region, and how many agents an election found in the record. */
  | {
      readonly kind: 'clusterChanged';
      readonly region: string | undefined;
      readonly expectedAgents: number;
      readonly electedAtMs: number;
    }
  /** Hosts that may be offered; undefined means all (A8). */
  | { readonly kind: 'whitelistChanged'; readonly hostnames: ReadonlySet<string> | undefined }
  /** Look at what changed, or at every agent, and propose. The seed decides what is random. */
  | { readonly kind: 'allocate'; readonly everyAgent: boolean; readonly seed: number };
