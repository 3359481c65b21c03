import type { AllocatorConfig } from './config';
import { loadPolicy } from './load-policy';
import { defaultOptions, leastOf } from './state/default-options';
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
    allocationIntervalMs: config.allocationInterval,
    filterGpus: config.filterGpuResources,
    recoveryFactor: config.agentRecoveryFactor,
    recoveryTimeoutMs: config.recoveryTimeout,
  };
}
