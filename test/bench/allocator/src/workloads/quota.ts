import { Cluster, agentChanged, resources } from '../cluster';
import { liveBytes, measure, median, type Took } from '../measure';
import type { Report } from '../report';

/**
 * quota(S, L): S small and L large roles, a framework in each, and agents enough for all. The guarantee is the limit. Timed are adding the frameworks, the round that makes all
 * offers, and the one after it.
 */
export function quota(
  report: Report,
  small: number,
  large: number,
  mesos?: { readonly add: number; readonly first: number; readonly next: number },
): void {
  const [adding, first, next]: [Took[], Took[], Took[]] = [[], [], []];
  const bytes = memoryOf(small, large);
  for (let go = 0; go < 5; go++) {
    const cluster = withQuotas(small, large);
    adding.push(measure(() => addFrameworks(cluster, small + large)));
    first.push(measure(() => cluster.round()));
    check(cluster, small, large);
    next.push(measure(() => cluster.round()));
    if (cluster.offers.length > 0) throw new Error(`${cluster.offers.length} offers beyond the limits`);
    if (cluster.round().length > 0) throw new Error('nothing has changed, and something is offered');
  }
  const size = `${small + large} roles, ${agentsFor(small, large)}`;
  const lines = [
    ['quota: adding frameworks', adding, mesos?.add],
    ['quota: the round that offers all', first, mesos?.first],
    ['quota: the next round', next, mesos?.next],
  ] as const;
  for (const [workload, goes, mesosMs] of lines)
    report.line({
      workload,
      size,
      took: median(goes),
      ...(mesosMs !== undefined && { mesosMs }),
      goal: '≥ 100 ×',
    });
  report.line({
    workload: 'quota: memory of all of it',
    size,
    goal: '≤ 200 MB',
    note: `${(bytes / 1e6).toFixed(1)} MB with all offers made, ${(bytes / (small + large) / 1000).toFixed(1)} kB a role (Mesos: 5,200 MB)`,
  });
}

/** Roles with quotas, and agents enough for all of them. */
function withQuotas(small: number, large: number): Cluster {
  const cluster = new Cluster();
  for (let at = 0; at < small + large; at++) {
    const amounts = resources(
      at < small ? 'cpus:1;mem:1024;disk:1024' : 'cpus:4;mem:4096;disk:4096',
    ).quantities();
    cluster.tell({
      kind: 'quotaChanged',
      quota: { role: `role-${at}`, guarantees: amounts, limits: amounts },
    });
  }
  for (let at = 0; at < agentsFor(small, large); at++)
    cluster.tell(agentChanged(`agent-${at}`, resources('cpus:2;mem:2048;disk:2048')));
  return cluster;
}

function agentsFor(small: number, large: number): number {
  return Math.round(small / 5 + 5 * large);
}

function addFrameworks(cluster: Cluster, count: number): void {
  for (let at = 0; at < count; at++) cluster.addFramework(`framework-${at}`, { roles: [`role-${at}`] });
}

/** Every role got just what it is guaranteed. */
function check({ offers }: Cluster, small: number, large: number): void {
  const given = new Map<string, number>();
  for (const { role, resources: bag } of offers)
    given.set(role, (given.get(role) ?? 0) + bag.scalarMilli('cpus'));
  for (let at = 0; at < small + large; at++)
    if (given.get(`role-${at}`) !== (at < small ? 1000 : 4000))
      throw new Error(`role-${at} got ${given.get(`role-${at}`) ?? 0}`);
}

/** Live bytes of one such cluster with all offers made. In a call of its own, so that no other cluster is alive at either of the two moments. */
function memoryOf(small: number, large: number): number {
  const before = liveBytes();
  const cluster = withQuotas(small, large);
  addFrameworks(cluster, small + large);
  cluster.round();
  const bytes = liveBytes() - before;
  check(cluster, small, large);
  return bytes;
}
