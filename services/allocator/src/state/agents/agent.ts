import type { AgentId, Attribute, Domain } from '@meseta/model';
import type { Lot } from '../lots/lot';
import type { Seat } from '../roles/seat';

/** What one seat holds on an agent. */
export interface Holding {
  readonly seat: Seat;
  lot: Lot;
  /** Offers of it that are not answered yet. */
  offers: number;
  /** The next one on the same agent: most agents have one or two, for which an array would be mostly air. */
  next: Holding | undefined;
}

/** When an agent will not be available (maintenance); the end is Infinity when none is planned. */
export interface Unavailability {
  readonly startMs: number;
  readonly durationMs: number | undefined;
}

/** One agent. */
export interface Agent {
  /** Its row in every table. */
  readonly index: number;
  readonly id: AgentId;
  /** Of its id: what random draws for it depend on, so that they do not depend on who was drawn for before. */
  readonly hash: number;
  hostname: string;
  attributes: readonly Attribute[];
  /** Where it is; undefined for one that did not say, which is in the master's region. */
  domain: Domain | undefined;
  total: Lot;
  /** The total less what is held, except that shared volumes stay (R47). Derived, and kept because every turn asks for it. */
  free: Lot;
  /** Whether more is held than there is, as when what it lends became less than what is used of it (R60). */
  isOverheld: boolean;
  /** Why it is not offered: not connected, draining, deactivated; empty when it is. */
  withheld: string;
  /** Whether the list of hosts that are offered, if there is one, names it. */
  isListed: boolean;
  /** The first of what is held on it; {@link holdingsOn} goes through all. */
  held: Holding | undefined;
  isDirty: boolean;
  /** The free lot for which its refusals were worked out last. */
  refusedFor: Lot | undefined;
  /** What is only for those who can: gpus, another region. */
  hasGpus: boolean;
  isRemote: boolean;
  unavailability: Unavailability | undefined;
}

/** Who holds what on an agent. */
export function* holdingsOn(agent: Agent): Iterable<Holding> {
  for (let { held } = agent; held !== undefined; held = held.next) yield held;
}

export function mayBeOffered(agent: Agent): boolean {
  return agent.withheld === '' && agent.isListed;
}
