import type { Proposal } from '@meseta/allocator';
import { type Resources, carve, frameworkId } from '@meseta/model';
import { Cluster, agentChanged, resources } from '../cluster';
import { measure } from '../measure';
import type { Report } from '../report';

interface Scheduler {
  readonly id: string;
  readonly role: string;
  readonly perTask: Resources;
  readonly perOffer: number;
  left: number;
}

/**
 * launch-mix: frameworks with many small tasks, many frameworks with a few, and frameworks with large ones share 80 agents until all 19,500 tasks run. A framework that has launched
 * everything suppresses.
 */
export function launchMix(report: Report): void {
  const cluster = new Cluster();
  const schedulers = new Map<string, Scheduler>();
  const add = (
    count: number,
    kind: string,
    ownRoles: boolean,
    tasks: number,
    perTask: string,
    perOffer: number,
  ): void => {
    for (let at = 0; at < count; at++) {
      const id = `${kind}-${at}`;
      const role = ownRoles ? id : kind;
      schedulers.set(id, { id, role, perTask: resources(perTask), perOffer, left: tasks });
      cluster.addFramework(id, { roles: [role] });
    }
  };
  add(4, 'many', true, 4000, 'cpus:0.07;mem:400', 100);
  add(500, 'few', false, 5, 'cpus:0.1;mem:4000', 1);
  add(50, 'large', true, 20, 'cpus:1;mem:1000', 5);
  for (let at = 0; at < 80; at++) cluster.tell(agentChanged(`agent-${at}`, resources('cpus:64;mem:488000')));
  let left = [...schedulers.values()].reduce((sum, one) => sum + one.left, 0);
  const tasks = left;
  let rounds = 0;
  const took = measure(() => {
    for (; left > 0 && rounds < 10_000; rounds++) {
      cluster.round();
      for (const offer of cluster.offers)
        left -= answer(cluster, offer, schedulers.get(offer.frameworkId) as Scheduler);
    }
  });
  if (left > 0) throw new Error(`${left} tasks were not launched in ${rounds} rounds`);
  report.line({
    workload: 'launch-mix',
    size: '80 × 554',
    took,
    mesosMs: 20_000,
    goal: '< 400 rounds',
    note: `${tasks} tasks in ${rounds} rounds with DRF (Mesos: 4,855 with the random sorter)`,
  });
}

/** Launches what fits and is left, gives the rest back without a filter, and suppresses when nothing is left. */
function answer(cluster: Cluster, offer: Proposal, scheduler: Scheduler): number {
  let rest = offer.resources;
  let launched = 0;
  while (launched < scheduler.perOffer && launched < scheduler.left) {
    const taken = carve(rest, scheduler.perTask.quantities());
    if (taken === undefined) break;
    rest = rest.subtract(taken);
    launched += 1;
  }
  scheduler.left -= launched;
  if (!rest.isEmpty)
    cluster.tell({ kind: 'recovered', ...offer, resources: rest, refuseMs: -1, unused: true, offers: 1 });
  if (scheduler.left === 0)
    cluster.tell({ kind: 'suppressed', frameworkId: frameworkId(scheduler.id), roles: [] });
  return launched;
}
