import type { LocalCluster } from '@meseta/cli';
import { connect } from '@meseta/sdk';

const tasks = 100;

/** One task after the other on the process runtime: the time from an offer's arrival to the RUNNING update, in ms, sorted. */
export async function offerToRunning(cluster: LocalCluster): Promise<readonly number[]> {
  const scheduler = await connect({
    master: cluster.master,
    framework: { name: 'bench-latency', role: 'bench' },
  });
  const latenciesMs: number[] = [];
  for await (const offer of scheduler.offers()) {
    const offeredAtMs = performance.now();
    const task = await offer.launch(
      { name: 'true', command: ['/bin/true'], resources: 'cpus:0.1;mem:32' },
      { refuseFor: 0 },
    );
    await task.running();
    latenciesMs.push(performance.now() - offeredAtMs);
    await task.finished();
    if (latenciesMs.length === tasks) break;
  }
  await scheduler.teardown();
  return latenciesMs.sort((a, b) => a - b);
}
