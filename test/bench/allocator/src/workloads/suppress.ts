import { frameworkId } from '@meseta/model';
import { measure, median, type Took } from '../measure';
import type { Report } from '../report';
import { addedCluster, everyOffer, type Size } from './decline';

/** suppress(N, M): all offers go back without a filter, the next fifth of the frameworks wants no more, and one round is timed; five times. Extreme: all but one in a hundred suppress first. */
export function suppress(report: Report, { agents, frameworks, mesos }: Size, isExtreme = false): void {
  report.line({
    workload: isExtreme ? 'suppress, extreme: a round' : 'suppress: a round with N offers',
    size: `${agents} × ${frameworks}`,
    took: median(roundsOf(agents, frameworks, isExtreme)),
    ...(mesos?.offers !== undefined && { mesosMs: mesos.offers }),
    goal: '≥ 30 ×',
  });
}

function roundsOf(agents: number, frameworks: number, isExtreme: boolean): readonly Took[] {
  const { cluster } = addedCluster(agents, frameworks, 1024);
  cluster.offers = everyOffer(cluster, agents);
  // Five rounds are few: the compiler is warmed up by others before, as it is in an allocator that has run for a minute.
  for (let round = 0; round < 40; round++) {
    cluster.giveBack(-1);
    cluster.round();
  }
  const suppressFrom = (from: number, to: number): void => {
    for (let at = from; at < to; at++)
      cluster.tell({ kind: 'suppressed', frameworkId: frameworkId(`framework-${at}`), roles: [] });
  };
  if (isExtreme) suppressFrom(0, Math.floor(frameworks * 0.99));
  const rounds: Took[] = [];
  for (let round = 0; round < 5; round++) {
    cluster.giveBack(-1);
    if (!isExtreme && round > 0) suppressFrom(((round - 1) * frameworks) / 5, (round * frameworks) / 5);
    rounds.push(measure(() => cluster.round()));
    if (cluster.offers.length !== agents)
      throw new Error(`${cluster.offers.length} offers instead of ${agents}`);
  }
  return rounds;
}
