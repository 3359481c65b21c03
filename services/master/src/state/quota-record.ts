import { fromMilli, type QuotaConfig } from '@meseta/model';
import type { quota } from '@meseta/protocol';

/** A quota in the form in which it is recorded. */
export function quotaToCommit({ role, guarantees, limits }: QuotaConfig): quota.QuotaConfig {
  return { role, guarantees: scalars(guarantees), limits: scalars(limits) };
}

function scalars(amounts: ReadonlyMap<string, number>): Record<string, { value: number }> {
  return Object.fromEntries([...amounts].map(([name, milli]) => [name, { value: fromMilli(milli) }]));
}
