import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceProcess } from '@meseta/cli';
import { connect, type Offer, type Scheduler, type Task } from '@meseta/sdk';
import { Rig, eventually, offerWith, operatorOf } from './harness';

describe('every service is killed and started again', () => {
  const rig = new Rig();
  let registry: ServiceProcess;
  let allocator: ServiceProcess;
  let master: ServiceProcess;
  let agent: ServiceProcess;
  let scheduler: Scheduler;
  const tasks: Task[] = [];

  const registryArgs = () => ['--store', 'embedded', '--data-dir', join(rig.folder, 'registry')];
  const masterArgs = () => [
    '--registry',
    registry.grpc,
    '--allocator',
    allocator.grpc,
    '--agent-ping-timeout',
    '500ms',
    '--max-agent-ping-timeouts',
    '100',
  ];
  const agentArgs = () => [
    '--master',
    master.grpc,
    '--work-dir',
    join(rig.folder, 'agent'),
    '--resources',
    'cpus:8;mem:2048',
    '--runtimes',
    'process',
  ];
  /** Kills a service and starts it again where it was. */
  const again = async (
    service: ServiceProcess,
    name: 'registry' | 'allocator' | 'master' | 'agent',
    args: readonly string[],
  ): Promise<ServiceProcess> => {
    service.kill('SIGKILL');
    await service.ended;
    const port = (address: string): string => address.slice(address.lastIndexOf(':') + 1);
    return rig.start(name, ['--port', port(service.grpc), '--http-port', port(service.http), ...args]);
  };
  const launch = async (command: string): Promise<Task> => {
    await scheduler.revive();
    const offer = await offerWith(scheduler, 'cpus:0.1;mem:32');
    const task = await offer.launch(
      { name: 'task', command, resources: 'cpus:0.1;mem:32' },
      { refuseFor: '10m' },
    );
    // What it does not need is for the others.
    await scheduler.suppress();
    tasks.push(task);
    return task;
  };
  const goesOn = async (): Promise<void> =>
    expect((await (await launch('echo on')).finished()).state).toBe('TASK_FINISHED');

  beforeAll(async () => {
    registry = await rig.start('registry', registryArgs());
    allocator = await rig.start('allocator', []);
    master = await rig.start('master', masterArgs());
    agent = await rig.start('agent', agentArgs());
    scheduler = await connect({
      master: master.grpc,
      framework: { name: 'restarts', role: 'test', failoverTimeoutMs: '1h' },
    });
    await (await launch('sleep 600')).running();
  }, 60_000);
  afterAll(async () => {
    await scheduler.teardown();
    await rig.stop();
  }, 60_000);

  test('the agent: its task is still running, and one that ended meanwhile is reported with its true exit status', async () => {
    const brief = await launch('sleep 1; exit 3');
    await brief.running();
    agent.kill('SIGKILL');
    await agent.ended;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    agent = await again(agent, 'agent', agentArgs());
    await brief.finished();
    expect([brief.state, brief.last?.message]).toEqual(['TASK_FAILED', expect.stringContaining('3')]);
    expect(tasks[0]?.state).toBe('TASK_RUNNING');
    await goesOn();
  }, 60_000);

  test('the allocator: tasks run on, and offers come again', async () => {
    allocator = await again(allocator, 'allocator', []);
    await goesOn();
  }, 60_000);

  test('the allocator: it knows what is still asked for, and offers no more than that', async () => {
    const asking = await connect({
      master: master.grpc,
      framework: { name: 'asking', role: 'asking' },
      // Or it might be offered all that is free before it has said what it wants.
      suppressed: true,
    });
    const operator = operatorOf(master.grpc);
    const offers: Offer[] = [];
    void (async () => {
      for await (const offer of asking.offers()) offers.push(offer);
    })().catch(() => undefined);
    const cpus = (): number =>
      offers.filter(({ open }) => open).reduce((sum, one) => sum + one.resources.scalarMilli('cpus'), 0);
    const offered = async (): Promise<number> => {
      const [demand] = (await operator.explain(asking.frameworkId)).roles[0]?.demands ?? [];
      return demand === undefined ? NaN : demand.count - demand.remaining;
    };
    try {
      await asking.demand([{ id: 'few', resources: 'cpus:1.5;mem:32', count: 6 }]);
      await eventually('there is room for five', async () => (await offered()) === 5 && cpus() === 7500);
      allocator = await again(allocator, 'allocator', []);
      await eventually('the new allocator has counted them', async () => (await offered()) === 5);
      // One is launched and ends, and makes no room for more than the one that was missing.
      const [first] = offers;
      const task = await first?.launch(
        { name: 'one', command: 'true', resources: 'cpus:7.5;mem:160' },
        { refuseFor: 0 },
      );
      expect((await task?.finished())?.state).toBe('TASK_FINISHED');
      await eventually('the sixth is offered', async () => (await offered()) === 6 && cpus() === 1500);
    } finally {
      operator.close();
      await asking.teardown();
    }
  }, 60_000);

  test('the master: it leads again, with everything it had', async () => {
    master = await again(master, 'master', masterArgs());
    await goesOn();
    const operator = operatorOf(master.grpc);
    await eventually('the long task is known again', async () =>
      ((await operator.tasks())?.tasks ?? []).some((task) => task.taskId?.value === tasks[0]?.id),
    );
    operator.close();
    expect(tasks[0]?.state).toBe('TASK_RUNNING');
  }, 60_000);

  test('the registry: the master leads again and knows its framework', async () => {
    registry = await again(registry, 'registry', registryArgs());
    await goesOn();
    expect(tasks[0]?.state).toBe('TASK_RUNNING');
  }, 60_000);

  test('a kill ends the long task, and nothing of it is left', async () => {
    const [long] = tasks;
    if (long === undefined) throw new Error('the long task was launched');
    await long.kill();
    expect((await long.finished()).state).toBe('TASK_KILLED');
    const log = readFileSync(agent.logFile, 'utf8');
    expect(log).not.toContain('"level":"error"');
  }, 60_000);
});
