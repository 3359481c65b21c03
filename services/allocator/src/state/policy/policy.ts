/**
 * Who comes first, and which machines are looked at first. A policy sees shares, amounts and names, and returns a number; it never sees
 * or changes who is given what, so no policy can give a resource out twice, break a quota or a filter.
 *
 * A policy is a module that exports `policy`. The allocator takes its sorter with `--role-sorter` and `--framework-sorter`, its order of
 * agents with `--agent-order`; each by the name of one that is built in, or by a path.
 */
export interface Policy {
  /** For logs and explanations: small letters and dashes. */
  readonly name: string;
  readonly sorter?: Sorter;
  readonly agents?: AgentOrder;
}

/** Orders roles among roles, or the frameworks of one role. */
export interface Sorter {
  /**
   * The contender with the smallest key comes first; ties are for who was offered less often, then by name. Depends on nothing but the contender and
   * `random`. Never NaN.
   *
   * @param random at least 0 and below 1; drawn anew for each contender and each agent that is given out
   */
  key(contender: Contender, random: number): number;
  /** True if `key` uses `random`: then it is asked for each agent, else only when the contender's amounts changed. */
  readonly usesRandom?: boolean;
}

/** One role or framework that may be offered something. */
export interface Contender {
  /** The role's path, or the framework's id. */
  readonly name: string;
  /** The largest fraction that it holds of anything in the cluster, its subtree included; 0 to 1. Not divided by the weight. */
  readonly share: number;
  /** Greater than 0; 1 unless an operator set it. */
  readonly weight: number;
  /** How often it was given something since it is known. */
  readonly offers: number;
  /** How much it holds of a scalar, in the resource's unit. */
  held(name: string): number;
}

/** Which of the agents that have something free are given out first. */
export interface AgentOrder {
  /** The agent with the smallest key comes first; ties by id. Never NaN. */
  key(agent: AgentView, random: number): number;
}

/** One agent with something free. */
export interface AgentView {
  readonly id: string;
  readonly hostname: string;
  /** Names of scalars, and how much there is and how much is free, in the resource's unit. */
  readonly names: readonly string[];
  total(name: string): number;
  free(name: string): number;
}
