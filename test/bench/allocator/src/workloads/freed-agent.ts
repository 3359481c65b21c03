import { measure, median, type Took } from '../measure';
import type { Report } from '../report';
import { addedCluster, everyOffer, type Size } from './decline';

/** One agent of many becomes free and is offered again, in the next turn: which costs what changed, and not the size of the cluster. */
export function freedAgent(report: Report, { agents, frameworks }: Size): void {
  const { cluster } = addedCluster(agents, frameworks, 2014);
  const offers = everyOffer(cluster, agents);
  const goes: Took[] = [];
  let busy = 0;
  for (let go = 0; go < 2000; go++) {
    const offer = offers[(go * 7919) % agents];
    if (offer === undefined) continue;
    const held = cluster.offers.find(({ agentId }) => agentId === offer.agentId) ?? offer;
    goes.push(
      measure(() => {
        cluster.tell({ kind: 'recovered', ...held, refuseMs: -1, unused: true, offers: 1 });
        cluster.turn(false);
      }),
    );
    busy += cluster.offers.length;
  }
  report.line({
    workload: 'one freed agent is offered again',
    size: `${agents} × ${frameworks}`,
    took: median(goes),
    goal: '< 1 ms',
    note: `${busy} offers in ${goes.length} turns`,
  });
}
