import type { Scheduler, Task } from '@meseta/sdk';
import { SimulatedCluster } from '@meseta/testing/cluster';
import { startGang as startCarefully } from './careful';
import { startGang as startNaively } from './naive';

type StartGang = (scheduler: Scheduler, size: number) => Promise<readonly Task[]>;

/** Three machines of which one is away; while the framework waits for it the agent of another one goes, and then all are back. */
async function oneMachineAfterTheOther(startGang: StartGang) {
  const cluster = new SimulatedCluster({ agents: 3, seed: 1 });
  cluster.loseMachine('agent3', 20_000);
  const scheduler = await cluster.connect({ framework: { name: 'gang', role: 'gang' } });
  const started = startGang(scheduler, 3);
  await cluster.advance(5000);
  cluster.killAgent('agent1', 30_000);
  return { cluster, started };
}

test('the naive gang launches on an offer that was taken back, and only a part of it runs', async () => {
  const { cluster, started } = await oneMachineAfterTheOther(startNaively);
  await expect(cluster.until(started)).rejects.toThrow(/was rescinded already/);
});

test('the careful gang waits until all of it can run', async () => {
  const { cluster, started } = await oneMachineAfterTheOther(startCarefully);
  const tasks = await cluster.until(started);
  expect(new Set(tasks.map(({ agentId }) => agentId)).size).toBe(3);
  const ends = await cluster.until(Promise.all(tasks.map((task) => task.finished())));
  expect(ends.map(({ state }) => state)).toEqual(['TASK_FINISHED', 'TASK_FINISHED', 'TASK_FINISHED']);
});
