import type { Command } from '@meseta/allocator';
import { Resources, agentId } from '@meseta/model';
import { Cluster, agentChanged, resources } from '../cluster';
import { liveBytes, measure, median, type Took } from '../measure';
import type { Report } from '../report';
import { copyOf, tellInMessages, type Size } from './decline';

const total = 'cpus:2;mem:1024;disk:4096;ports:[31000-32000]';
const used = 'cpus:1;mem:128;disk:1024;ports:[31126-31510,31512-31623,31810-31852,31854-31964]';

/** add-update(N, M): agents are added, then each of them has ten revocable cpus more. */
export function addUpdate(
  report: Report,
  { agents, frameworks, mesos }: Size & { mesos?: { update?: number } },
): void {
  const [adding, updating]: [Took[], Took[]] = [[], []];
  const [all, usedOfAll] = [resources(total), resources(used)];
  const more = Resources.of([
    { name: 'cpus', value: { kind: 'scalar', milli: 10_000 }, reservations: [], revocable: true },
  ]);
  for (let go = 0; go < 7; go++) {
    const cluster = new Cluster();
    for (let at = 0; at < frameworks; at++)
      cluster.addFramework(`framework-${at}`, { capabilities: ['REVOCABLE_RESOURCES'] });
    const adds = Array.from({ length: agents }, (_, at) =>
      agentChanged(`agent-${at}`, copyOf(all), {
        by: `framework-${at % frameworks}`,
        resources: copyOf(usedOfAll),
      }),
    );
    const updates = Array.from({ length: agents }, (_, at): Command => ({
      kind: 'totalChanged',
      agentId: agentId(`agent-${at}`),
      total: copyOf(all).add(copyOf(more)),
    }));
    liveBytes();
    adding.push(measure(() => tellInMessages(cluster, adds)));
    updating.push(measure(() => tellInMessages(cluster, updates)));
  }
  const size = `${agents} × ${frameworks}`;
  for (const [workload, goes, mesosMs] of [
    ['add-update: add agents', adding, mesos?.add],
    ['add-update: update agents', updating, mesos?.update],
  ] as const) {
    const took = median(goes.slice(2));
    report.line({
      workload,
      size,
      took,
      ...(mesosMs !== undefined && { mesosMs }),
      goal: '≥ 10 ×',
      note: `${Math.round((agents / took.wallMs) * 1000)} agents a second`,
    });
  }
}
