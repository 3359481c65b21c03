import type { Policy, Sorter } from './policy';

/**
 * Weighted dominant resource fairness: the smallest dominant share divided by weight comes first.
 *
 * Source: Ghodsi et al., "Dominant Resource Fairness", NSDI 2011.
 */
export const drfSorter: Sorter = { key: ({ share, weight }) => share / weight };

export const drf: Policy = { name: 'drf', sorter: drfSorter };
