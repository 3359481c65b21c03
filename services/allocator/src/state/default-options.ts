import { Resources } from '@meseta/model';
import { drfSorter } from './policy/drf';
import type { AllocatorOptions } from './state';

/** `cpus:0.01` as thousandths by name. */
export function leastOf(text: string): ReadonlyMap<string, number> {
  const parsed = Resources.parse(text);
  return parsed instanceof Resources ? parsed.quantities() : new Map<string, number>();
}

/** What holds where nothing else is said. */
export const defaultOptions: AllocatorOptions = {
  roleSorter: drfSorter,
  frameworkSorter: drfSorter,
  agentOrder: undefined,
  placements: new Map(),
  minAllocatable: [leastOf('cpus:0.01'), leastOf('mem:32')],
  excluded: new Set(),
  outstandingOffersMax: 0,
  allocationIntervalMs: 1000,
  filterGpus: true,
  recoveryFactor: 0.8,
  recoveryTimeoutMs: 600_000,
};
