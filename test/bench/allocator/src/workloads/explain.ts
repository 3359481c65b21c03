import { explain } from '@meseta/allocator';
import { frameworkId } from '@meseta/model';
import { Cluster, agentChanged, resources } from '../cluster';
import { measure, median, type Took } from '../measure';
import type { Report } from '../report';

/**
 * explain(N, D): why a framework that asked for room for tasks of D sizes waits, where no one of N agents has room. Agents are of a dozen kinds, and half of what each
 * has is used.
 */
export function explainWaiting(report: Report, agents: number, demands: number): void {
  const cluster = new Cluster();
  cluster.addFramework('user', { roles: ['user'] });
  cluster.addFramework('waiting', { roles: ['waiting'] });
  for (let at = 0; at < agents; at++)
    cluster.tell(
      agentChanged(`agent-${at}`, resources(`cpus:${4 + (at % 12)};mem:4096`), {
        by: 'user',
        role: 'user',
        resources: resources(`cpus:${(4 + (at % 12)) / 2};mem:2048`),
      }),
    );
  const wanted = Array.from({ length: demands }, (_, at) => ({
    id: `demand-${at}`,
    role: 'waiting',
    perTask: resources(`cpus:${10 + at};mem:64`).quantities(),
    count: 100,
    constraints: undefined,
  }));
  cluster.tell({ kind: 'demanded', frameworkId: frameworkId('waiting'), demands: wanted });
  const goes: Took[] = [];
  for (let go = 0; go < 9; go++) goes.push(measure(() => explainOne(cluster, agents, demands)));
  report.line({
    workload: `explain: ${demands} demands that wait`,
    size: `${agents} × 2`,
    took: median(goes),
    goal: '< 100 ms',
  });
}

function explainOne(cluster: Cluster, agents: number, demands: number): void {
  const [role] = explain(cluster.state, frameworkId('waiting'), '', cluster.now) ?? [];
  const filters = role?.agents.filter(({ filter }) => filter === 'demand').length;
  const nearest = role?.demands.filter((demand) => demand.nearest.endsWith('lacks cpus:2.5')).length;
  if (filters !== agents || nearest !== 1 || role?.demands.length !== demands)
    throw new Error(`${filters ?? 0} agents refused, ${nearest ?? 0} demands explained`);
}
