import type { LocalCluster } from '@meseta/cli';
import { connect, type Scheduler, type TaskSpec } from '@meseta/sdk';
import { Resources } from '@meseta/model';
import { roomFor } from './launches';
import { cpuSeconds } from './process';

/** How many tasks run at once. */
export const tasksRunning = 1_000;
/** How long each lives; on average, so that their ends are spread. */
export const lifeSeconds = 30;
const windowMs = 20_000;
const resources = Resources.parse('cpus:0.01;mem:8') as Resources;

/** What an agent uses of one core. */
export interface AgentShare {
  /** While its tasks run and nothing changes. */
  readonly still: number;
  /** While each ends after its time and is followed by another: three updates for each, all checkpointed and acknowledged. */
  readonly changing: number;
  readonly updatesPerSecond: number;
}

/** Runs many tasks on the one agent of a cluster, and measures what their updates cost it. */
export async function updateShare(cluster: LocalCluster): Promise<AgentShare> {
  const pid = cluster.agents[0]?.pid ?? 0;
  const still = await withTasks(
    cluster,
    () => 600,
    async () => shareOf(pid),
  );
  let life = 0;
  // Every length of life from half to one and a half of the average, in an order that mixes them.
  const nextLife = (): number => lifeSeconds * (0.5 + ((life++ * 0.618_034) % 1));
  const changing = await withTasks(cluster, nextLife, async (ended) => {
    const before = ended();
    const share = await shareOf(pid);
    return { share, updatesPerSecond: (3 * (ended() - before)) / (windowMs / 1000) };
  });
  return { still, changing: changing.share, updatesPerSecond: changing.updatesPerSecond };
}

async function withTasks<Result>(
  cluster: LocalCluster,
  secondsOf: () => number,
  measure: (ended: () => number) => Promise<Result>,
): Promise<Result> {
  const scheduler = await connect({
    master: cluster.master,
    framework: { name: 'bench-updates', role: 'bench' },
  });
  let ended = 0;
  let living = 0;
  const filled = keepFull(
    scheduler,
    secondsOf,
    () => living,
    (change) => {
      living += change;
      if (change < 0) ended -= change;
    },
  );
  for (const deadline = performance.now() + 60_000; living < tasksRunning;) {
    if (performance.now() > deadline) throw new Error(`only ${living} of ${tasksRunning} tasks run`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // What a thousand launches left to do is done by then.
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const result = await measure(() => ended);
  // A launch that is on its way now has nobody to answer it.
  filled.catch(() => undefined);
  await scheduler.teardown();
  return result;
}

/** Launches one for each that ends, as an offer comes. */
async function keepFull(
  scheduler: Scheduler,
  secondsOf: () => number,
  living: () => number,
  changed: (by: number) => void,
): Promise<void> {
  const spec = (): TaskSpec => ({
    name: 'sleeper',
    command: `sleep ${secondsOf().toFixed(1)}`,
    resources,
  });
  for await (const offer of scheduler.offers()) {
    const wanted = Math.min(tasksRunning - living(), roomFor(offer, resources));
    if (wanted <= 0) {
      offer.decline({ for: 0.2 });
      continue;
    }
    changed(wanted);
    const tasks = await offer.launch(Array.from({ length: wanted }, spec), { refuseFor: 0.2 });
    for (const task of tasks)
      void task
        .finished()
        .catch(() => undefined)
        .then(() => changed(-1));
  }
}

async function shareOf(pid: number): Promise<number> {
  const [cpu, at] = [cpuSeconds(pid) ?? Number.NaN, performance.now()];
  await new Promise((resolve) => setTimeout(resolve, windowMs));
  return ((cpuSeconds(pid) ?? Number.NaN) - cpu) / ((performance.now() - at) / 1000);
}
