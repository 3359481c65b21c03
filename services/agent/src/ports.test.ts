import { Resources } from '@meseta/model';
import { resourcesToProto } from '@meseta/protocol';
import { AgentBench } from './testdata/agent-bench';
import { taskInfo } from './testdata/fake-master';
import { freePorts } from './testdata/network';

/** Only as root are there control groups by which processes are told apart. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;

/** A Perl program that listens on a port, or on several, and waits. */
function listen(...ports: readonly number[]): string {
  const open = ports.map((port) => `IO::Socket::INET->new(LocalPort => ${port}, Listen => 1) or die`);
  return `exec perl -MIO::Socket::INET -e 'my @s = (${open.join(', ')}); $| = 1; print "listening\\n"; sleep 300'`;
}

/** With ports besides what a task has. */
function withPorts(...ports: readonly number[]): { readonly resources: ReturnType<typeof resourcesToProto> } {
  const text = `cpus:0.1;mem:64;ports:[${ports.map((port) => `${port}-${port}`).join(',')}]`;
  return { resources: resourcesToProto((Resources.parse(text) as Resources).allocate('web')) };
}

suite('G62: ports of tasks', () => {
  let bench: AgentBench;
  let own: number;
  let other: number;
  beforeEach(async () => {
    [own = 0, other = 0] = await freePorts(2);
  });
  afterEach(() => bench.close());
  const open = async (...flags: readonly string[]): Promise<void> => {
    bench = await AgentBench.open([
      '--enforce-container-ports',
      '--container-ports-watch-interval=100ms',
      ...flags,
    ]);
  };

  test('a task that listens on a port of its own stays; one that takes another is ended, and its end names the port', async () => {
    await open();
    const { master } = bench;
    master.launch('good', listen(own), withPorts(own));
    await bench.output('good', /listening/);
    master.launch('squatter', listen(other), withPorts(own + 1));
    await master.untilState('squatter', 'TASK_FAILED');
    expect(master.statuses('squatter').at(-1)).toMatchObject({
      reason: 'REASON_CONTAINER_LIMITATION',
      message: `Listens on port ${other}: its ports are [${own + 1}-${own + 1}]`,
      limitation: {
        resources: [{ name: 'ports', ranges: { range: [{ begin: BigInt(other), end: BigInt(other) }] } }],
      },
    });
    expect(master.states('good').at(-1)).toBe('TASK_RUNNING');
  });

  test('the tasks of a pod use each other’s ports, and all end when one takes another', async () => {
    await open();
    const { master } = bench;
    master.launchGroup('pod', [
      taskInfo('holder', 'exec sleep 300', withPorts(own)),
      taskInfo('server', listen(own)),
    ]);
    await bench.output('pod', /listening/, ['tasks', 'server', 'stdout']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(master.states('server').at(-1)).toBe('TASK_RUNNING');
    master.launchGroup('bad', [taskInfo('bad-1', listen(other)), taskInfo('bad-2', 'exec sleep 300')]);
    await master.untilState('bad-1', 'TASK_FAILED');
    expect(master.statuses('bad-1').at(-1)?.message).toBe(`Listens on port ${other}: it has no ports`);
    await master.untilState('bad-2', 'TASK_KILLED');
  });

  test('with --check-agent-port-range-only ports that nobody offers are free', async () => {
    await open('--check-agent-port-range-only', `--resources=cpus:2;mem:1024;ports:[${own}-${own}]`);
    const { master } = bench;
    master.launch('free', listen(other));
    await bench.output('free', /listening/);
    master.launch('squatter', listen(own));
    await master.untilState('squatter', 'TASK_FAILED');
    expect(master.statuses('squatter').at(-1)?.message).toContain(`Listens on port ${own}`);
    expect(master.states('free').at(-1)).toBe('TASK_RUNNING');
  });
});
