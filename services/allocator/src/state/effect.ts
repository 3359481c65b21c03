import type { AgentId, FrameworkId, Resources } from '@meseta/model';

/** Offer this to that framework. It counts as held until the master says that it was recovered. */
export interface Proposal {
  readonly frameworkId: FrameworkId;
  readonly role: string;
  readonly agentId: AgentId;
  readonly resources: Resources;
}

/** What the allocator asks of the world. */
export type Effect = { readonly kind: 'propose'; readonly proposals: readonly Proposal[] };
