/** What a role at the top of its branch is sure of and what it may have at most, in thousandths by the number of a name. */
export interface Quota {
  readonly guarantees: ReadonlyMap<number, number>;
  /** A name that is not there is without limit. */
  readonly limits: ReadonlyMap<number, number>;
  /** How much of the guarantees is not met now; kept by {@link Quotas}. Names that are met are not in it. */
  readonly unmet: Map<number, number>;
  /** Its limits leave nothing that would be worth an offer; kept by {@link Quotas}. */
  isSpent: boolean;
}
