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
  const agents = Math.round(small / 5 + 5 * large);
  const [adding, first, next]: [Took[], Took[], Took[]] = [[], [], []];
  let bytes = 0;
  for (let go = 0; go < 5; go++) {
    const before = liveBytes();
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
    for (let at = 0; at < agents; at++)
      cluster.tell(agentChanged(`agent-${at}`, resources('cpus:2;mem:2048;disk:2048')));
    adding.push(
      measure(() => {
        for (let at = 0; at < small + large; at++)
          cluster.addFramework(`framework-${at}`, { roles: [`role-${at}`] });
      }),
    );
    first.push(measure(() => cluster.round()));
    const given = new Map<string, number>();
    for (const { role, resources: bag } of cluster.offers)
      given.set(role, (given.get(role) ?? 0) + bag.scalarMilli('cpus'));
    for (let at = 0; at < small + large; at++)
      if (given.get(`role-${at}`) !== (at < small ? 1000 : 4000))
        throw new Error(`role-${at} got ${given.get(`role-${at}`) ?? 0}`);
    next.push(measure(() => cluster.round()));
    if (cluster.offers.length > 0) throw new Error(`${cluster.offers.length} offers beyond the limits`);
    bytes = liveBytes() - before;
    if (cluster.round().length > 0) throw new Error('nothing has changed, and something is offered');
  }
  const size = `${small + large} roles, ${agents}`;
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
      goal: '≥ 100 ×, ≤ 200 MB',
      note: `${(bytes / 1e6).toFixed(0)} MB`,
    });
}
