import type { GrpcServer } from '@meseta/kit';
import { FakeCluster, type FakeMaster } from '../../../sdk/src/testdata/fake-cluster';
import { until } from '../../../sdk/src/testdata/until';
import { runCli } from '../program';
import { FakeContext } from '../testdata/fake-context';
import { FakeOperator, serve } from '../testdata/fake-operator';

let cluster: FakeCluster;
let master: FakeMaster;
let operator: FakeOperator;
let agent: GrpcServer;
let context: FakeContext;

beforeEach(async () => {
  operator = new FakeOperator();
  agent = await serve([operator.agentService()]);
  operator.agentAddress = agent.address;
  cluster = new FakeCluster();
  master = await cluster.addMaster([operator.operatorService()]);
  context = new FakeContext({ MESETA_MASTER: master.address });
});

afterEach(async () => {
  await cluster.close();
  await agent.close(0);
});

/** Starts `meseta run …` and offers what agent A-1 has once it is subscribed. */
async function meseta(argv: readonly string[], offer = 'cpus:4;mem:1024'): Promise<number> {
  const exit = runCli(['run', ...argv], context);
  await until(
    'it is subscribed',
    () => master.subscriptions.length > 0 || context.stderr.includes('meseta: '),
  );
  if (master.subscriptions.length > 0) master.offer(offer, 'A-1');
  return exit;
}

const ends = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'] as const;

test('one word is a line for the shell; its output is printed as it is', async () => {
  cluster.life = ends;
  operator.outputs.set('* stdout', 'hello\nwithout end');
  operator.outputs.set('* stderr', 'careful\n');
  expect(await meseta(['echo hello'])).toBe(0);
  expect(context.stdout).toBe('hello\nwithout end');
  expect(context.stderr).toContain('careful\n');
  expect(context.stderr).toContain('meseta: echo is FINISHED on host-of-A-1\n');
  expect(context.stderr).toContain('meseta: 1 task finished\n');
  const [task] = [...cluster.tasks.values()];
  expect(task?.info.command).toMatchObject({ shell: true, value: 'echo hello' });
  expect(cluster.callsOf('teardown')).toHaveLength(1);
});

test('several instances share offers, and their lines carry their names', async () => {
  cluster.life = ends;
  operator.outputs.set('* stdout', 'hello\n');
  expect(
    await meseta(['--instances', '3', '--resources', 'cpus:1;mem:32', '--', 'echo', '-n', 'hello']),
  ).toBe(0);
  expect(context.stdout.split('\n').sort()).toEqual([
    '',
    '[echo-1] hello',
    '[echo-2] hello',
    '[echo-3] hello',
  ]);
  expect(cluster.callsOf('accept')).toHaveLength(1);
  const [task] = [...cluster.tasks.values()];
  expect(task?.info.command).toMatchObject({
    shell: false,
    value: 'echo',
    arguments: ['echo', '-n', 'hello'],
  });
});

test('options after the command are the command’s', async () => {
  cluster.life = ends;
  expect(await meseta(['echo', '-n', 'hello'])).toBe(0);
  expect([...cluster.tasks.values()][0]?.info.command?.arguments).toEqual(['echo', '-n', 'hello']);
});

test('a task that fails makes the command fail, after the others', async () => {
  cluster.life = ['TASK_STARTING', 'TASK_RUNNING'];
  const exit = meseta(['-n', '2', 'work']);
  await until('both run', () => (context.stderr.match(/is RUNNING/g) ?? []).length === 2);
  const [first = '', second = ''] = [...cluster.tasks.keys()];
  cluster.report(first, 'TASK_FAILED', 'Command exited with status 3');
  cluster.report(second, 'TASK_FINISHED');
  expect(await exit).toBe(1);
  expect(context.stderr).toContain('work-1 is FAILED on host-of-A-1: Command exited with status 3');
  expect(context.stderr).toContain('1 of 2 tasks did not finish');
});

test('a launch that never happened is tried again', async () => {
  cluster.life = ['TASK_DROPPED'];
  const exit = meseta(['work']);
  await until('it was dropped', () => context.stderr.includes('DROPPED'));
  cluster.life = ends;
  master.offer(undefined, 'A-1');
  expect(await exit).toBe(0);
  expect(cluster.tasks.size).toBe(2);
});

test('ctrl-C kills what runs and waits for its end', async () => {
  const exit = meseta(['sleep 1000']);
  await until('it runs', () => context.stderr.includes('is RUNNING'));
  context.interrupt();
  expect(await exit).toBe(130);
  expect(context.stderr).toContain('sleep is KILLED');
});

test('the timeout kills what runs', async () => {
  const exit = meseta(['--timeout', '200ms', 'sleep 1000']);
  expect(await exit).toBe(124);
  expect(context.stderr).toContain('not done after 200ms: killing what runs');
  expect(context.stderr).toContain('sleep is KILLED');
});

test('without an offer ctrl-C ends at once', async () => {
  const exit = runCli(['run', 'work'], context);
  await until('it is subscribed', () => master.subscriptions.length > 0);
  await until('it says so', () => context.stderr.includes('framework F-1'));
  context.interrupt();
  expect(await exit).toBe(130);
  expect(cluster.tasks.size).toBe(0);
});

test('a change of leader is told, and the run goes on', async () => {
  cluster.life = ['TASK_STARTING', 'TASK_RUNNING'];
  const next = await cluster.addMaster([operator.operatorService()]);
  const exit = meseta(['work']);
  await until('it runs', () => context.stderr.includes('is RUNNING'));
  cluster.failover(next);
  await until('it is back', () => context.stderr.includes('connected to the leader again'));
  cluster.report([...cluster.tasks.keys()][0] ?? '', 'TASK_FINISHED');
  expect(await exit).toBe(0);
});

test.each([
  [['--instances', '0', 'x'], '--instances must be a whole number from 1 to 100000, not "0"'],
  [['--resources', 'cpus', 'x'], '--resources: '],
  [['--env', 'A', 'x'], '--env must be KEY=VALUE, not "A"'],
  [['--timeout', 'soon', 'x'], '--timeout: "soon" is not a duration'],
  [['--role', 'a//b', 'x'], 'role'],
  [['--network', 'web', '--image', 'x'], '--network of an image must be host or bridge, not "web"'],
  [['--runtime', 'podman', '--image', 'x'], '--runtime must be docker or process, not "podman"'],
  [['--runtime', 'process', 'x'], '--runtime needs an image'],
])('%j is refused', async (argv, message) => {
  expect(await runCli(['run', ...argv], context)).toBe(2);
  expect(context.stderr).toContain(`meseta: ${message}`);
});
