import { taskInfoOf } from './task-spec';
import { failure, Resources, type Failure } from '@meseta/model';
import { connect, type ConnectOptions } from './connect';
import type { Scheduler } from './scheduler';
import { systemEnvironment } from './environment';
import { FakeCluster, type FakeMaster } from './testdata/fake-cluster';
import { FakeTime } from './testdata/fake-time';
import { until } from './testdata/until';

let cluster: FakeCluster;
let master: FakeMaster;
let scheduler: Scheduler | undefined;
let ids = 0;

beforeEach(async () => {
  cluster = new FakeCluster();
  master = await cluster.addMaster();
  ids = 0;
});

afterEach(async () => {
  await scheduler?.stop();
  scheduler = undefined;
  await cluster.close();
});

async function subscribe(options: Partial<ConnectOptions> = {}): Promise<Scheduler> {
  scheduler = await connect({
    master: master.address,
    framework: { name: 'trial', role: '*' },
    timeout: '5s',
    environment: { ...systemEnvironment, newId: () => String((ids += 1)) },
    ...options,
  });
  return scheduler;
}

const hello = { name: 'hello', command: 'echo hello', resources: 'cpus:0.1;mem:32' };

async function nextOffer(from: Scheduler): ReturnType<typeof offerOf> {
  return offerOf(from);
}

async function offerOf(from: Scheduler) {
  const next = await from.offers().next();
  if (next.done === true) throw new Error('no more offers');
  return next.value;
}

describe('subscribe', () => {
  test('introduces the framework with what the SDK handles for it', async () => {
    const { frameworkId } = await subscribe({
      framework: { name: 'trial', roles: ['web', 'batch'], user: 'me' },
    });
    expect(frameworkId).toBe('F-1');
    expect(master.subscriptions[0]?.frameworkInfo).toMatchObject({
      name: 'trial',
      roles: ['web', 'batch'],
      user: 'me',
    });
    const capabilities = master.subscriptions[0]?.frameworkInfo?.capabilities.map((one) => one.type);
    expect(capabilities).toEqual([
      'MULTI_ROLE',
      'PARTITION_AWARE',
      'RESERVATION_REFINEMENT',
      'TASK_KILLING_STATE',
    ]);
  });

  test('a standby sends to the leader', async () => {
    const standby = await cluster.addMaster();
    const found = await subscribe({ master: standby.address });
    expect(found.master).toBe(master.address);
  });

  test('an address where nobody is is skipped', async () => {
    const found = await subscribe({ master: `127.0.0.1:1,${master.address}` });
    expect(found.connected).toBe(true);
  });

  test('no leader is an error that names the addresses', async () => {
    master.leading = false;
    await expect(subscribe({ timeout: '200ms' })).rejects.toThrow(
      `no leader at ${master.address}: this master does not lead`,
    );
  });

  test.each<[Partial<ConnectOptions>, string]>([
    [{ master: 'here' }, 'master: "here" is not host:port'],
    [{ master: '' }, 'master: no address was given'],
    [{ framework: { name: '' } }, 'framework.name must not be empty'],
    [
      { framework: { name: 'x', role: 'a', roles: ['b'] } },
      'give framework.role or framework.roles, not both',
    ],
    [{ framework: { name: 'x', failoverTimeoutMs: '1y' } }, '"1y" is not a duration'],
  ])('%j is refused', async (options, message) => {
    await expect(subscribe(options)).rejects.toThrow(message);
  });

  test('roles that start suppressed are told, and are told again after a reconnection', async () => {
    const { suppress, revive } = await subscribe({ suppressed: true }).then((made) => ({
      suppress: () => made.suppress(),
      revive: () => made.revive(),
    }));
    expect(master.subscriptions[0]?.suppressedRoles).toEqual(['*']);
    await revive();
    await suppress();
    master.breakStream();
    await until('it subscribed again', () => master.subscriptions.length === 2);
    expect(master.subscriptions[1]?.suppressedRoles).toEqual(['*']);
  });
});

describe('offers', () => {
  test('an offer shows what an agent has', async () => {
    const made = await subscribe();
    master.offer('cpus:4;mem:1024;ports:[31000-31005]', 'A1');
    const offer = await nextOffer(made);
    expect(offer).toMatchObject({ agentId: 'A1', hostname: 'host-of-A1', role: '*', rescinded: false });
    expect(offer.fits('cpus:4;mem:1024')).toBe(true);
    expect(offer.fits('cpus:4.001')).toBe(false);
    expect(offer.fits('ports:[31000-31001]')).toBe(true);
    expect(() => offer.fits('cpus')).toThrow();
  });

  test('declines of one turn travel in one call', async () => {
    const made = await subscribe();
    for (const agent of ['A1', 'A2', 'A3']) master.offer(undefined, agent);
    const offers = [await nextOffer(made), await nextOffer(made), await nextOffer(made)];
    offers.forEach((offer) => offer.decline({ for: '5m' }));
    await until('the master has them', () => master.offers.size === 0);
    expect(cluster.callsOf('decline')).toEqual([expect.objectContaining({ items: 3 })]);
  });

  test('a decline comes before the revival that was asked for after it, or its filter would stay', async () => {
    const made = await subscribe();
    master.offer();
    const offer = await nextOffer(made);
    offer.decline({ for: '1h' });
    void made.revive();
    void made.suppress();
    await until('the master has all', () => cluster.callsOf('suppress').length === 1);
    expect(cluster.calls.map(({ method }) => method)).toEqual(['decline', 'revive', 'suppress']);
  });

  test('a rescinded offer is not handed out, and cannot be launched on', async () => {
    const made = await subscribe();
    const [first, second] = [master.offer(), master.offer()];
    const held = await nextOffer(made);
    master.rescind(second);
    master.rescind(first);
    await until('it is void', () => held.rescinded);
    const last = master.offer();
    const offer = await nextOffer(made);
    expect(offer.id).toBe(last);
    expect([held.id, held.rescinded, held.fits('cpus:1')]).toEqual([first, true, false]);
    await expect(held.launch(hello)).rejects.toThrow(`offer ${first} was rescinded already`);
  });

  test('a break of the stream voids what was offered before', async () => {
    const made = await subscribe();
    master.offer();
    const offer = await nextOffer(made);
    master.breakStream();
    await until('it is void', () => offer.rescinded);
    await until('it subscribed again', () => made.connected);
    master.offer(undefined, 'A2');
    expect((await nextOffer(made)).agentId).toBe('A2');
  });
});

describe('launch', () => {
  test('a task runs and ends; its updates are acknowledged underneath', async () => {
    const made = await subscribe();
    master.offer();
    const task = await (await nextOffer(made)).launch(hello);
    expect(task).toMatchObject({ id: 'hello-1', name: 'hello', agentId: 'A1', hostname: 'host-of-A1' });
    await task.running();
    const states: string[] = [];
    const watching = (async () => {
      for await (const update of task.updates()) states.push(update.state);
    })();
    cluster.report(task.id, 'TASK_FINISHED', 'done');
    expect((await task.finished()).state).toBe('TASK_FINISHED');
    await watching;
    expect(states.at(-1)).toBe('TASK_FINISHED');
    expect(task.last?.message).toBe('done');
    await until('all is acknowledged', () => cluster.task(task.id).unacknowledged.length === 0);
  });

  test('tasks of one turn share the offer, and are launched by one call', async () => {
    const made = await subscribe();
    master.offer('cpus:1;mem:64');
    const offer = await nextOffer(made);
    const both = [offer.launch(hello), offer.launch([hello])];
    await expect(offer.launch(hello)).rejects.toThrow(
      `task hello wants cpus:0.1;mem:32, but offer ${offer.id} has cpus:0.8 left`,
    );
    await Promise.all(both);
    expect([...cluster.tasks.keys()]).toEqual(['hello-1', 'hello-2']);
    expect(cluster.callsOf('accept')).toEqual([expect.objectContaining({ items: 1 })]);
    await expect(offer.launch(hello)).rejects.toThrow(`offer ${offer.id} was accepted already`);
  });

  test('what reaches the agent is the command, the environment and the picked resources', async () => {
    const made = await subscribe({ framework: { name: 'trial', role: 'web' } });
    master.offer('cpus(web):0.5;cpus:1;mem:64', 'A1', 'web');
    const offer = await nextOffer(made);
    await offer.launch({
      name: 'image',
      id: 'T1',
      command: ['nginx', '-v'],
      image: 'nginx:1',
      env: { COLOUR: 'blue' },
      resources: 'cpus:1;mem:64',
      killGrace: '1s',
    });
    const info = cluster.task('T1').info;
    expect(info.command).toMatchObject({
      shell: false,
      value: 'nginx',
      arguments: ['-v'],
      environment: { variables: [expect.objectContaining({ name: 'COLOUR', value: 'blue' })] },
    });
    expect(info.container).toMatchObject({ type: 'DOCKER', docker: { image: 'nginx:1', network: 'HOST' } });
    const beside = taskInfoOf(
      {
        name: 'beside',
        image: 'nginx:1',
        runtime: 'process',
        network: 'web',
        volumes: [{ hostPath: '/srv', containerPath: '/data', readOnly: true }],
        resources: '',
      },
      () => '1',
    );
    expect([beside.command?.value, beside.command?.shell]).toEqual([undefined, false]);
    expect(beside.container).toMatchObject({
      type: 'MESOS',
      mesos: { image: { type: 'DOCKER', docker: { name: 'nginx:1' } } },
      networkInfos: [{ name: 'web' }],
      volumes: [{ hostPath: '/srv', containerPath: '/data', mode: 'RO' }],
    });
    expect(info.killPolicy?.gracePeriod?.nanoseconds).toBe(1_000_000_000n);
    expect(info.resources.map((one) => [one.name, one.scalar?.value, one.reservations.length])).toEqual([
      ['cpus', 0.5, 1],
      ['cpus', 0.5, 0],
      ['mem', 64, 0],
    ]);
    expect(info.resources.every((one) => one.allocationInfo?.role === 'web')).toBe(true);
  });

  test.each([
    [{ ...hello, id: 'a/b' }, "task id must not contain '/'"],
    [{ ...hello, resources: '' }, 'resources'],
    [{ name: 'x', resources: 'cpus:1' }, 'task x: command or image must be given'],
  ])('%j is refused, and the offer stays open', async (spec, message) => {
    const made = await subscribe();
    master.offer();
    const offer = await nextOffer(made);
    await expect(offer.launch(spec)).rejects.toThrow(message);
    await offer.launch(hello);
  });

  test('an id that is in use is refused', async () => {
    const made = await subscribe();
    master.offer();
    master.offer();
    await (await nextOffer(made)).launch({ ...hello, id: 'T1' });
    await expect((await nextOffer(made)).launch({ ...hello, id: 'T1' })).rejects.toThrow(
      'task id T1 is in use',
    );
  });

  test('a task that ends before it runs rejects running()', async () => {
    cluster.life = ['TASK_FAILED'];
    const made = await subscribe();
    master.offer();
    const task = await (await nextOffer(made)).launch(hello);
    await expect(task.running()).rejects.toThrow('task hello-1 ended as TASK_FAILED before it ran');
    expect((await task.finished()).state).toBe('TASK_FAILED');
  });

  test('a launch whose answer was lost is asked after, not repeated', async () => {
    const made = await subscribe();
    master.offer();
    master.loseAnswersOf = 'accept';
    const task = await (await nextOffer(made)).launch(hello);
    await task.running();
    expect(cluster.callsOf('accept')).toHaveLength(1);
    expect(cluster.callsOf('reconcile').length).toBeGreaterThan(0);
  });
});

describe('updates', () => {
  test('are acknowledged only after the handler has returned, and in their order', async () => {
    const seen: string[] = [];
    let release: (() => void) | undefined;
    const made = await subscribe({
      onUpdate: async (update) => {
        seen.push(update.state);
        if (update.state === 'TASK_STARTING') await new Promise<void>((resolve) => (release = resolve));
      },
    });
    master.offer();
    const task = await (await nextOffer(made)).launch(hello);
    await until('the handler is under way', () => release !== undefined);
    expect(cluster.callsOf('acknowledge')).toEqual([]);
    expect(task.state).toBe('TASK_STAGING');
    release?.();
    await task.running();
    expect(seen).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
  });

  test('that a handler refuses are not acknowledged, and come again', async () => {
    let times = 0;
    const made = await subscribe({
      onUpdate: () => {
        times += 1;
        if (times === 1) throw new Error('the database is away');
      },
    });
    master.offer();
    const task = await (await nextOffer(made)).launch(hello);
    await until('it was refused', () => times === 1);
    expect(cluster.task(task.id).unacknowledged).toHaveLength(2);
    master.breakStream();
    await task.running();
    expect(times).toBeGreaterThan(2);
  });

  test('that come twice are shown once and acknowledged twice', async () => {
    const seen: string[] = [];
    const made = await subscribe({ onUpdate: (update) => void seen.push(update.state) });
    master.offer();
    master.loseAnswersOf = undefined;
    const task = await (await nextOffer(made)).launch(hello);
    await task.running();
    await until('acknowledged', () => cluster.task(task.id).unacknowledged.length === 0);
    const before = cluster.callsOf('acknowledge').length;
    cluster.report(task.id, 'TASK_FINISHED');
    const [repeat] = cluster.task(task.id).unacknowledged;
    if (repeat === undefined) throw new Error('the update was acknowledged already');
    master.sendUpdate(repeat);
    await until('both are acknowledged', () => cluster.callsOf('acknowledge').length >= before + 1);
    await task.finished();
    expect(seen).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
  });

  test('a late answer does not bring an ended task back', async () => {
    const made = await subscribe();
    master.offer();
    const task = await (await nextOffer(made)).launch(hello);
    await task.running();
    cluster.report(task.id, 'TASK_FINISHED');
    await task.finished();
    master.sendUpdate({
      taskId: { value: task.id },
      state: cluster.task(task.id).info.taskId && ('TASK_RUNNING' as never),
    });
    master.offer();
    await nextOffer(made);
    expect(task.state).toBe('TASK_FINISHED');
  });
});

describe('kill', () => {
  test('kills a task, and several in one call', async () => {
    const made = await subscribe();
    master.offer();
    const tasks = await (await nextOffer(made)).launch([hello, hello]);
    await Promise.all(tasks.map((task) => task.running()));
    await Promise.all(tasks.map((task) => task.kill('1s')));
    for (const task of tasks) expect((await task.finished()).state).toBe('TASK_KILLED');
    expect(cluster.callsOf('kill')).toEqual([expect.objectContaining({ items: 2 })]);
  });

  test('is repeated after a reconnection until the task has ended', async () => {
    const made = await subscribe();
    const next = await cluster.addMaster();
    master.offer();
    const task = await (await nextOffer(made)).launch(hello);
    await task.running();
    cluster.failover(next);
    await until('the break was seen', () => !made.connected);
    await task.kill();
    expect((await task.finished()).state).toBe('TASK_KILLED');
    expect(cluster.callsOf('kill').map((call) => call.master)).toEqual([next.address]);
  });
});

describe('a new leader', () => {
  test('is followed with the same id; tasks are asked after and go on', async () => {
    const next = await cluster.addMaster();
    const connections: [boolean, Failure | undefined][] = [];
    const made = await subscribe({ onConnection: (connected, why) => connections.push([connected, why]) });
    master.offer();
    const task = await (await nextOffer(made)).launch(hello);
    await task.running();
    cluster.failover(next);
    await until('it follows', () => next.subscriptions.length === 1);
    expect(next.subscriptions[0]?.frameworkInfo?.id).toEqual({ value: 'F-1' });
    await until('it asks after the task', () => cluster.callsOf('reconcile').length > 0);
    next.offer(undefined, 'A2');
    await (await nextOffer(made)).launch(hello);
    cluster.report(task.id, 'TASK_FINISHED');
    await task.finished();
    expect(made.master).toBe(next.address);
    expect(connections.map(([connected]) => connected)[0]).toBe(true);
    expect(connections.map(([connected]) => connected).at(-1)).toBe(true);
  });

  test('a task that the cluster does not know any more ends by reconciliation', async () => {
    const next = await cluster.addMaster();
    const made = await subscribe();
    master.offer();
    const task = await (await nextOffer(made)).launch(hello);
    await task.running();
    cluster.tasks.delete(task.id);
    cluster.failover(next);
    expect((await task.finished()).state).toBe('TASK_GONE');
  });

  test('a framework that returns with its id hears of its tasks', async () => {
    const first = await subscribe();
    master.offer();
    const task = await (await nextOffer(first)).launch(hello);
    await task.running();
    await first.stop();
    const again = await subscribe({ framework: { name: 'trial', id: 'F-1' } });
    await until('it knows the task', () => again.tasks.get(task.id)?.state === 'TASK_RUNNING');
  });
});

describe('the end', () => {
  test('a framework that is replaced ends with the words of the master', async () => {
    const made = await subscribe();
    master.offer();
    const task = await (await nextOffer(made)).launch(hello);
    const another = await connect({ master: master.address, framework: { name: 'trial', id: 'F-1' } });
    await expect(made.offers().next()).rejects.toMatchObject({
      failure: failure('conflict', 'Framework failed over'),
    });
    await expect(task.finished()).rejects.toThrow('Framework failed over');
    await another.stop();
  });

  test('stop ends the loops quietly and leaves the tasks alone', async () => {
    const made = await subscribe();
    const waiting = made.offers().next();
    await made.stop();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(cluster.callsOf('teardown')).toEqual([]);
    await expect(made.revive()).resolves.toBeUndefined();
    await expect(made.kill('T1')).rejects.toThrow('the session was closed');
  });

  test('teardown tells the master', async () => {
    const made = await subscribe();
    await made.teardown();
    expect(cluster.callsOf('teardown')).toHaveLength(1);
  });
});

test('a master that is silent for five heartbeats is left', async () => {
  const time = new FakeTime();
  master.heartbeatSeconds = 1;
  const made = await subscribe({
    environment: { ...systemEnvironment, clock: time.clock, timers: time.timers },
  });
  time.advance(4000);
  expect(made.connected).toBe(true);
  time.advance(1000);
  expect(made.connected).toBe(false);
  time.advance(50);
  await until('it subscribed again', () => made.connected);
  expect(master.subscriptions).toHaveLength(2);
});

test('reconciliation asks again, with growing pauses, until every task was answered', async () => {
  const time = new FakeTime();
  const made = await subscribe({
    environment: { ...systemEnvironment, clock: time.clock, timers: time.timers },
  });
  cluster.life = [];
  master.offer();
  const task = await (await nextOffer(made)).launch(hello);
  const asked = jest.spyOn(made.calls, 'reconcile').mockResolvedValue();
  made.reconcile();
  time.advance(1000);
  time.advance(1999);
  expect(asked).toHaveBeenCalledTimes(2);
  time.advance(1);
  expect(asked).toHaveBeenCalledTimes(3);
  master.sendUpdate({ taskId: { value: task.id }, state: 'TASK_RUNNING' as never });
  await task.running();
  time.advance(60_000);
  expect(asked).toHaveBeenCalledTimes(3);
});

test('raw events can be watched beside', async () => {
  const made = await subscribe();
  const events = made.events();
  master.offer();
  expect((await events.next()).value).toMatchObject({ type: 'OFFERS' });
});

test('resources are asked for with a hint', async () => {
  const made = await subscribe();
  const wanted = Resources.parse('cpus:8');
  await made.request(['cpus:1;mem:32', wanted as Resources]);
  expect(cluster.callsOf('request')).toEqual([expect.objectContaining({ items: 2 })]);
});
