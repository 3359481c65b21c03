import type { Offer, Scheduler } from '@meseta/sdk';
import { SimulatedCluster } from './simulated-cluster';

const framework = { name: 'tester', role: 'test', failoverTimeoutMs: '1h' };

async function firstOffer(cluster: SimulatedCluster, scheduler: Scheduler): Promise<Offer> {
  const next = await cluster.until(scheduler.offers().next());
  if (next.done === true) throw new Error('there are no offers');
  return next.value;
}

/** Launches one task on the first offer. */
async function launchOne(cluster: SimulatedCluster, scheduler: Scheduler, command: string) {
  const offer = await firstOffer(cluster, scheduler);
  return cluster.until(offer.launch({ name: 'task', command, resources: 'cpus:1;mem:64' }));
}

test('a task of five virtual seconds runs in an instant', async () => {
  const cluster = new SimulatedCluster();
  const scheduler = await cluster.connect({ framework });
  const task = await launchOne(cluster, scheduler, 'run 5000 0');
  const startedMs = cluster.now;
  expect((await cluster.until(task.finished())).state).toBe('TASK_FINISHED');
  expect(cluster.now - startedMs).toBeGreaterThanOrEqual(5000);
  await cluster.until(scheduler.stop());
});

test('a status other than 0 is a failure', async () => {
  const cluster = new SimulatedCluster();
  const scheduler = await cluster.connect({ framework });
  const task = await launchOne(cluster, scheduler, 'run 100 3');
  expect((await cluster.until(task.finished())).state).toBe('TASK_FAILED');
});

test('an agent that is cut off takes its task along, and brings it back', async () => {
  const cluster = new SimulatedCluster({ agentSilenceMaxMs: 5000 });
  const states: string[] = [];
  const scheduler = await cluster.connect({ framework, onUpdate: ({ state }) => void states.push(state) });
  const task = await launchOne(cluster, scheduler, 'serve');
  await cluster.until(task.running());
  cluster.cutOff('agent1', 30_000);
  await cluster.advance(60_000);
  expect(states).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_UNREACHABLE', 'TASK_RUNNING']);
  expect(task.ended).toBe(false);
});

test('a new leader takes over, and the framework goes on with its task', async () => {
  const cluster = new SimulatedCluster({ masters: 3 });
  const scheduler = await cluster.connect({ framework });
  const task = await launchOne(cluster, scheduler, 'run 60000 0');
  await cluster.until(task.running());
  cluster.killLeader(Number.MAX_SAFE_INTEGER);
  expect((await cluster.until(task.finished())).state).toBe('TASK_FINISHED');
  expect(scheduler.connected).toBe(true);
});

test('a group starts together and ends together', async () => {
  const cluster = new SimulatedCluster();
  const scheduler = await cluster.connect({ framework });
  const offer = await firstOffer(cluster, scheduler);
  const tasks = await cluster.until(
    offer.launchGroup({
      name: 'pod',
      tasks: [
        { name: 'worker', command: 'serve', resources: 'cpus:1;mem:64' },
        { name: 'doomed', command: 'run 1000 1', resources: 'cpus:1;mem:64' },
      ],
    }),
  );
  const ends = await cluster.until(Promise.all(tasks.map((task) => task.finished())));
  expect(ends.map(({ state }) => state)).toEqual(['TASK_KILLED', 'TASK_FAILED']);
});

test('the same seed gives the same history', async () => {
  const story = async (): Promise<string> => {
    const cluster = new SimulatedCluster({ seed: 7, agents: 2, masters: 2 });
    const scheduler = await cluster.connect({ framework });
    const task = await launchOne(cluster, scheduler, 'run 1000 0');
    cluster.killAgent('agent1');
    await cluster.until(task.finished());
    return cluster.story;
  };
  expect(await story()).toBe(await story());
});

test('what does not happen is told with what did', async () => {
  const cluster = new SimulatedCluster();
  const scheduler = await cluster.connect({ framework });
  const task = await launchOne(cluster, scheduler, 'serve');
  await expect(cluster.until(task.finished(), 5000)).rejects.toThrow(
    /not settled within 5 virtual seconds[^]*launch/,
  );
  expect(() => cluster.killAgent('agent9')).toThrow(/there is no agent agent9: there are agent1/);
  expect(() => new SimulatedCluster({ resources: 'cpus:x' })).toThrow(/cpus/);
});
