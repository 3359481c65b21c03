// What the allocator knows of the cluster.
//
// Owns:          who holds what, the shares that follow from it, filters, suppression, weights.
// Does not own:  the truth. The master's ledger is the truth; a proposal that does not fit there is dropped, and the
//                master's answer corrects what is held here.
//
// Invariants
//   A1. What is free on an agent is its total less everything held on it, and never negative.
//   A2. Only `step` writes an AllocatorState.
//   A3. A proposal is held from the moment it is made until the master recovers it or replaces the agent.

import type { AgentId, Attribute, FrameworkId, Resources } from '@meseta/model';
import type { OfferFilter } from './filters/offer-filter';
import type { Policy } from './policy/policy';
import type { RoleTree } from './role-tree';

/** One agent. `free` is derived, and kept because every turn asks for it. */
export interface Agent {
  readonly id: AgentId;
  hostname: string;
  total: Resources;
  attributes: readonly Attribute[];
  active: boolean;
  /** By framework, then by role. */
  readonly held: Map<FrameworkId, Map<string, Resources>>;
  free: Resources;
}

/** One framework. */
export interface Framework {
  readonly id: FrameworkId;
  name: string;
  roles: readonly string[];
  readonly suppressed: Set<string>;
  active: boolean;
  capabilities: ReadonlySet<string>;
  /** What it declined: by agent, then by role. */
  readonly filters: Map<AgentId, Map<string, OfferFilter[]>>;
}

export interface AllocatorState {
  readonly options: AllocatorOptions;
  readonly agents: Map<AgentId, Agent>;
  readonly frameworks: Map<FrameworkId, Framework>;
  readonly tree: RoleTree;
  /** Agents on which something changed since the last turn. */
  readonly dirty: Set<AgentId>;
  /** The ends of filters, soonest first. */
  readonly expiries: FilterExpiry[];
}

/** When a filter of an agent ends, the agent is looked at again. */
export interface FilterExpiry {
  readonly atMs: number;
  readonly agentId: AgentId;
}

export interface AllocatorOptions {
  /** Who comes first. */
  readonly policy: Policy;
  /** An offer holds at least one of these (R65); empty means that anything may be offered. */
  readonly minAllocatable: readonly Resources[];
}
