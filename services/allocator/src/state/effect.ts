import type { AgentId, FrameworkId, Resources } from '@meseta/model';
import type { Unavailability } from './agents/agent';
import type { TasksByDemand } from './demand/seat-demands';

/** Offer this to that framework. It counts as held until the master says that it was recovered. */
export interface Proposal {
  readonly frameworkId: FrameworkId;
  readonly role: string;
  readonly agentId: AgentId;
  readonly resources: Resources;
  /** For how many tasks that the framework asked for it has room; unset if it asked for none. */
  readonly tasks?: TasksByDemand;
}

/** Ask that framework to give up what it holds on an agent that will not be available. */
export interface InverseProposal {
  readonly frameworkId: FrameworkId;
  readonly agentId: AgentId;
  readonly unavailability: Unavailability;
}

/** What the allocator asks of the world. */
export type Effect =
  | { readonly kind: 'propose'; readonly proposals: readonly Proposal[] }
  | { readonly kind: 'proposeInverse'; readonly proposals: readonly InverseProposal[] };
