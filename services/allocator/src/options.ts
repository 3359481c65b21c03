import { Resources } from '@meseta/model';
import type { AllocatorConfig } from './config';
import { loadPolicy } from './load-policy';
import { drfSorter } from './state/policy/drf';
import type { AllocatorOptions, Placement } from './state/state';

/** What the core is told of the configuration. Loads the policies. */
export async function optionsOf(config: AllocatorConfig): Promise<AllocatorOptions> {
  const [roles, frameworks, agents] = await Promise.all([
    loadPolicy('--role-sorter', config.roleSorter, 'sorter'),
    loadPolicy('--framework-sorter', config.frameworkSorter, 'sorter'),
    loadPolicy('--agent-order', config.agentOrder, 'agents'),
  ]);
  return {
    ...defaultOptions,
    ...(roles.sorter !== undefined && { roleSorter: roles.sorter }),
    ...(frameworks.sorter !== undefined && { frameworkSorter: frameworks.sorter }),
    // Random order needs no keys: the turn shuffles.
    agentOrder: config.agentOrder === 'random' ? undefined : agents.agents,
    placements: new Map(
      config.rolePlacement.map((text) => {
        const [role = '', placement] = text.split('=');
        return [role, placement as Placement];
      }),
    ),
    minAllocatable: config.minAllocatable.map(leastOf),
    excluded: new Set(config.fairSharingExcludedResourceNames),
    outstandingOffersMax: config.outstandingOffersMax,
    filterGpus: config.filterGpuResources,
    recoveryFactor: config.agentRecoveryFactor,
    recoveryTimeoutMs: config.recoveryTimeout,
  };
}

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
  filterGpus: true,
  recoveryFactor: 0.8,
  recoveryTimeoutMs: 600_000,
};
