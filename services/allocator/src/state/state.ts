// What the allocator knows of the cluster.
//
// Owns:          who holds what, the shares that follow from it, filters, suppression, weights, quotas, demands.
// Does not own:  the truth. The master's ledger is the truth; a proposal that does not fit there is dropped, and the
//                master's answer corrects what is held here.
//
// Agents, seats (a framework in a role), lots (bags of resources) and names of scalars have small numbers. Amounts are rows of numbers, and "who may be
// offered something of this agent" is a row of bits, so that a turn costs what changed, and looking at every pair of agent and seat costs a word for
// 32 of them. README.md says how it is laid out.
//
// Invariants
//   A1. What is free on an agent is its total less everything held on it, and never negative.
//   A2. Only `step` writes an AllocatorState.
//   A3. A proposal is held from the moment it is made until the master recovers it or replaces the agent.
//   A4. What is offered is what the slow allocator of the tests offers (oracle.testing.ts), whatever the fast structures are.
//
// Simulated clusters check at the end of a run, as L6, that A1 counts as free what the master's ledger says: docs/contributing/simulation.md.

import type { AgentConstraints, FrameworkId } from '@meseta/model';
import type { AgentTable } from './agents/agent-table';
import type { Eligibility } from './filters/eligibility';
import type { InverseOffers } from './maintenance/inverse-offers';
import type { Refusals } from './filters/refusals';
import type { Lots } from './lots/lots';
import type { Names } from './names';
import type { AgentOrder, Sorter } from './policy/policy';
import type { Quotas } from './quota/quotas';
import type { RecoveryHold } from './quota/recovery-hold';
import type { Shares } from './roles/shares';
import type { Seats } from './roles/seats';

/** One framework. */
export interface Framework {
  readonly id: FrameworkId;
  name: string;
  roles: readonly string[];
  readonly suppressed: Set<string>;
  active: boolean;
  capabilities: ReadonlySet<string>;
  /** By role: which agents it wants to hear of. */
  constraints: ReadonlyMap<string, AgentConstraints>;
  /** By role: what an offer must hold one of, instead of the cluster's least. */
  least: ReadonlyMap<string, readonly ReadonlyMap<string, number>[]>;
}

export interface AllocatorState {
  readonly options: AllocatorOptions;
  readonly names: Names;
  readonly lots: Lots;
  readonly agents: AgentTable;
  readonly frameworks: Map<FrameworkId, Framework>;
  readonly shares: Shares;
  readonly seats: Seats;
  readonly quotas: Quotas;
  readonly eligibility: Eligibility;
  readonly refusals: Refusals;
  readonly inverseOffers: InverseOffers;
  readonly hold: RecoveryHold;
  /** Seats that may have begun or ceased to want offers while orders were gone through. */
  readonly unsettled: Set<FrameworkId>;
  /** Frameworks for which less than the cluster's least may be worth an offer: they say their own, or ask for something in particular. */
  readonly ownLeast: Set<FrameworkId>;
  /** The region of the master, which is every framework's home; unset in a cluster without fault domains. */
  homeRegion: string | undefined;
  /** Hosts that are offered; unset means all (A8). */
  whitelist: ReadonlySet<string> | undefined;
}

/** Where a role's offers come from first: full agents, empty ones, or wherever the order of agents says. */
export type Placement = 'pack' | 'spread';

export interface AllocatorOptions {
  /** Which role comes first (A20). */
  readonly roleSorter: Sorter;
  /** Which framework of a role comes first. */
  readonly frameworkSorter: Sorter;
  /** Which agent is given out first; at random if unset. */
  readonly agentOrder: AgentOrder | undefined;
  /** Roles that want the order of agents to be another for them. */
  readonly placements: ReadonlyMap<string, Placement>;
  /** An offer holds at least one of these, in thousandths by name (R65); empty means that anything may be offered. */
  readonly minAllocatable: readonly ReadonlyMap<string, number>[];
  /** Names that do not count for fairness (A26). */
  readonly excluded: ReadonlySet<string>;
  /** How many offers a framework may have unanswered; 0 means any number. */
  readonly outstandingOffersMax: number;
  /** How often every agent is looked at, and for how long at least what was refused is not offered again (A1, A40). */
  readonly allocationIntervalMs: number;
  /** Whether agents with gpus are kept for frameworks that ask for gpus (S42). */
  readonly filterGpus: boolean;
  /** After a fail-over with quotas: the fraction of the agents that must be back, and how long to wait for them at most (A4). */
  readonly recoveryFactor: number;
  readonly recoveryTimeoutMs: number;
}
