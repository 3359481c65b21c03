import type { LocalCluster } from '@meseta/cli';
import { Resources } from '@meseta/model';
import { connect, type Offer, type TaskSpec } from '@meseta/sdk';

/** How one run of no-op tasks went. */
export interface LaunchRate {
  readonly launches: number;
  readonly seconds: number;
  readonly offers: number;
}

/**
 * As many no-op tasks as there is room for, launched on whatever is offered until the time is over, then waited for. A launch counts
 * when its task has FINISHED and that update was acknowledged by the SDK: STARTING and RUNNING before it were as well.
 */
export async function launchRate(cluster: LocalCluster, durationMs: number): Promise<LaunchRate> {
  const scheduler = await connect({
    master: cluster.master,
    framework: { name: 'bench-launches', role: 'bench' },
  });
  const resources = Resources.parse('cpus:0.1;mem:32') as Resources;
  const spec: TaskSpec = { name: 'noop', command: 'true', resources };
  const startedMs = performance.now();
  const running: Promise<unknown>[] = [];
  const accepted: Promise<void>[] = [];
  let offers = 0;
  for await (const offer of scheduler.offers()) {
    if (performance.now() - startedMs > durationMs) break;
    offers += 1;
    const specs = Array.from({ length: roomFor(offer, resources) }, () => spec);
    if (specs.length === 0) {
      offer.decline({ for: 0 });
      continue;
    }
    // The call is not waited for: the next offer is looked at meanwhile.
    accepted.push(
      offer.launch(specs, { refuseFor: 0 }).then(
        (tasks) => void running.push(...tasks.map((task) => task.finished())),
        (error: unknown) => console.error(String(error)),
      ),
    );
  }
  // The last call may be answered after the last offer was looked at.
  await Promise.all(accepted);
  await Promise.all(running);
  const seconds = (performance.now() - startedMs) / 1000;
  await scheduler.teardown();
  return { launches: running.length, seconds, offers };
}

/** How many tasks of so much fit into an offer. */
export function roomFor({ remaining }: Offer, needs: Resources): number {
  const times = (name: string): number => remaining.scalarMilli(name) / needs.scalarMilli(name);
  return Math.floor(Math.min(times('cpus'), times('mem')));
}
