/** What a role is sure of and what it may have at most (A30 – A35), in thousandths by resource name. */
export interface QuotaConfig {
  /** At the top of its branch; the roles below it share what it has. */
  readonly role: string;
  readonly guarantees: ReadonlyMap<string, number>;
  /** A name that is not there is without limit; nothing is a limit, too. */
  readonly limits: ReadonlyMap<string, number>;
}

/** Whether it is as if the role had no quota (A35). */
export function isDefaultQuota({ guarantees, limits }: QuotaConfig): boolean {
  return guarantees.size === 0 && limits.size === 0;
}
