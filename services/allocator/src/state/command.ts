import type { AgentId, Attribute, FrameworkId, Resources } from '@meseta/model';

/** What one framework holds on an agent in one role: offered to it, or used by its tasks. */
export interface Holding {
  readonly frameworkId: FrameworkId;
  readonly role: string;
  readonly resources: Resources;
}

/** An agent as the master describes it. */
export interface AgentDescription {
  readonly agentId: AgentId;
  readonly hostname: string;
  readonly total: Resources;
  readonly attributes: readonly Attribute[];
  readonly active: boolean;
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
}

/** Everything that can happen to the allocator. */
export type Command =
  | { readonly kind: 'agentChanged'; readonly agent: AgentDescription }
  | { readonly kind: 'agentActivated'; readonly agentId: AgentId; readonly active: boolean }
  | { readonly kind: 'agentRemoved'; readonly agentId: AgentId }
  | { readonly kind: 'frameworkChanged'; readonly framework: FrameworkDescription }
  | { readonly kind: 'frameworkRemoved'; readonly frameworkId: FrameworkId }
  | ({ readonly kind: 'recovered'; readonly agentId: AgentId; readonly refuseMs: number } & Holding)
  | ({ readonly kind: 'allocated'; readonly agentId: AgentId } & Holding)
  | { readonly kind: 'suppressed'; readonly frameworkId: FrameworkId; readonly roles: readonly string[] }
  | { readonly kind: 'revived'; readonly frameworkId: FrameworkId; readonly roles: readonly string[] }
  | { readonly kind: 'weightChanged'; readonly role: string; readonly weight: number }
  /** Look at what changed, or at every agent, and propose. The seed decides the order of agents. */
  | { readonly kind: 'allocate'; readonly everyAgent: boolean; readonly seed: number };
