import {
  createMetrics,
  createQueueSeries,
  createSpanSeries,
  createStreamSeries,
  otherLabel,
} from '@meseta/kit';

/** Roles that have a series of their own; the greatest share of all others is told as role "other". */
export const roleLabelsMax = 200;

/** Every series of the allocator. */
export function createAllocatorMetrics() {
  const metrics = createMetrics('allocator');
  const queues = createQueueSeries(metrics);
  return {
    queues,
    streams: createStreamSeries(metrics, queues),
    spans: createSpanSeries(metrics, queues),
    registry: metrics.registry,
    onCollect: metrics.onCollect,
    turnSeconds: metrics.histogram(
      'turn_seconds',
      'Time of one allocation turn.',
      [],
      [0.00005, 0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2],
    ),
    turnWaitSeconds: metrics.histogram(
      'turn_wait_seconds',
      'Time from the change that made a turn due to the turn; turns that are taken without an occasion do not count.',
    ),
    proposals: metrics.counter('proposals_total', 'Proposals sent to the master.'),
    changes: metrics.counter('changes_total', 'Changes received from the master.'),
    dominantShare: metrics.gauge(
      'dominant_share',
      'Dominant share of a role, 0 to 1, not divided by its weight; "other" is the greatest of the roles beyond the first 200.',
      ['role'],
    ),
    agents: metrics.gauge('agents', 'Agents known.'),
    frameworks: metrics.gauge('frameworks', 'Frameworks known.'),
    filtersByRole: metrics.gauge(
      'role_offer_filters_active',
      'Offer filters that have not ended, of a role; "other" is those of the roles beyond the 200 that have most.',
      ['role'],
    ),
    quota: metrics.gauge(
      'quota_units',
      "A role's quota and what it consumes of it, in the resource's unit; of the first 200 roles that have one.",
      ['role', 'resource', 'kind'],
    ),
    filters: metrics.gauge('offer_filters_active', 'Offer filters that have not ended.'),
    term: metrics.gauge('term', 'Term of the master served; 0 when none is.'),
  };
}

export type AllocatorMetrics = ReturnType<typeof createAllocatorMetrics>;

/** One figure of a role's quota. */
export interface QuotaSeries {
  readonly role: string;
  readonly resource: string;
  readonly kind: 'guarantee' | 'limit' | 'consumed';
  readonly amount: number;
}

/** Tells quotas. An operator sets them, one by one, so those beyond the bound are left out rather than summed. */
export function setQuotas({ quota }: Pick<AllocatorMetrics, 'quota'>, series: readonly QuotaSeries[]): void {
  quota.reset();
  const roles = new Set<string>();
  for (const { role, resource, kind, amount } of series) {
    if (roles.size >= roleLabelsMax && !roles.has(role)) continue;
    roles.add(role);
    quota.set({ role, resource, kind }, amount);
  }
}

/** Tells a count of each role; of those beyond the bound, which have the least, the sum. */
export function setByRole(
  gauge: AllocatorMetrics['filtersByRole'],
  counts: ReadonlyMap<string, number>,
): void {
  gauge.reset();
  let others = 0;
  const byCount = [...counts].sort(([, a], [, b]) => b - a);
  for (const [at, [role, count]] of byCount.entries()) {
    if (at < roleLabelsMax) gauge.set({ role }, count);
    else others += count;
  }
  if (counts.size > roleLabelsMax) gauge.set({ role: otherLabel }, others);
}

/** Tells the share of each role. There are as many roles as frameworks invent, and at most so many series. */
export function setDominantShares(
  { dominantShare }: Pick<AllocatorMetrics, 'dominantShare'>,
  shares: readonly (readonly [role: string, share: number])[],
): void {
  dominantShare.reset();
  for (const [role, share] of shares.slice(0, roleLabelsMax)) dominantShare.set({ role }, share);
  if (shares.length <= roleLabelsMax) return;
  const others = shares.slice(roleLabelsMax).map(([, share]) => share);
  dominantShare.set({ role: otherLabel }, Math.max(...others));
}
