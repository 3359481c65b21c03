import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExecutorInfo_Type, resourcesToProto, type TaskInfo } from '@meseta/protocol';
import { isFailure, Resources } from '@meseta/model';
import { readGroupFile } from './runtime/cgroups/files';
import { AgentBench } from './testdata/agent-bench';
import { executorInfo, taskInfo } from './testdata/fake-master';

// Isolated tasks have a /tmp of their own, where a clone of this repository that is in /tmp is not.
const flags = __dirname.startsWith('/tmp/') ? ['--isolate-processes=false'] : [];
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

/** What containers may use, as the kernel keeps it: control groups need root. */
asRoot('limits of what runs', () => {
  let bench: AgentBench;
  afterEach(() => bench.close());

  const resources = (text: string, isRevocable = false): TaskInfo['resources'] => {
    const parsed = Resources.parse(text);
    if (isFailure(parsed)) throw new Error(parsed.message);
    return resourcesToProto(parsed.allocate('web')).map((resource) =>
      isRevocable && resource.name === 'cpus' ? { ...resource, revocable: {} } : resource,
    );
  };

  /** The limit as the kernel has it. Megabytes. */
  const megabytesOf = async (executorId: string): Promise<number> => {
    const metrics = await (await fetch(`http://${bench.agent.http}/metrics`)).text();
    const series = new RegExp(`^meseta_agent_container_memory_limit_bytes{.*"${executorId}".*} (.*)$`, 'm');
    return Number(series.exec(metrics)?.[1] ?? 0) / 1024 / 1024;
  };

  test('E21, G36: an executor may use what it and its tasks asked for, while they run', async () => {
    bench = await AgentBench.open(flags);
    const { master } = bench;
    const program = join(__dirname, '../../../examples/custom-executor/dist/executor.js');
    const executor = executorInfo('counter', {
      type: ExecutorInfo_Type.CUSTOM,
      resources: resources('cpus:0.1;mem:128'),
      command: { uris: [], arguments: ['node', program], value: process.execPath, shell: false },
    });
    const launch = (id: string): void =>
      master.launch(id, '', { command: undefined, executor, data: Buffer.from('100000') });
    const untilLimit = async (megabytes: number): Promise<void> => {
      let limit = 0;
      for (let tries = 0; tries < 500 && limit !== megabytes; tries++) limit = await megabytesOf('counter');
      expect(limit).toBe(megabytes);
    };
    launch('t1');
    await master.untilState('t1', 'TASK_RUNNING');
    await untilLimit(192);
    launch('t2');
    await master.untilState('t2', 'TASK_RUNNING');
    await untilLimit(256);
    for (const [id, megabytes] of [
      ['t1', 192],
      ['t2', 128],
    ] as const) {
      master.kill(id);
      await master.untilState(id, 'TASK_KILLED');
      await untilLimit(megabytes);
    }
  }, 30_000);

  test('G53: who may use more memory than it asked for gives way first', async () => {
    bench = await AgentBench.open(flags);
    const { master } = bench;
    const command = 'cat /proc/self/oom_score_adj /proc/self/cgroup; echo done; exec sleep 300';
    master.launch('t1', command, {
      resources: resources('cpus:0.1;mem:64'),
      limits: { mem: { value: 128 } },
    });
    master.launch('t2', command, { resources: resources('cpus:0.1;mem:64') });
    const said = await bench.output('t1', /done/);
    expect(parseInt(said)).toBeGreaterThan(900);
    expect(parseInt(await bench.output('t2', /done/))).toBeLessThan(900);
    const group = /:memory:(.*)/.exec(said)?.[1];
    // With version 2 there is no group of memory alone.
    if (group === undefined) return;
    const soft = readGroupFile(join('/sys/fs/cgroup/memory', group, 'memory.soft_limit_in_bytes'));
    expect(Number(soft)).toBe(64 * 1024 * 1024);
  });

  test('E51: a task that does not share the memory of its pod runs out of its own, and only it', async () => {
    bench = await AgentBench.open(flags);
    const { master } = bench;
    const own = {
      container: { type: 'MESOS', volumes: [], networkInfos: [], linuxInfo: { shareCgroups: false } },
    } as Partial<TaskInfo>;
    master.launchGroup('pod', [
      taskInfo('hog', 'while ! [ -e go ]; do sleep 0.05; done; exec tail /dev/zero', own),
      taskInfo('other', 'exec sleep 300', { ...own, resources: resources('cpus:0.1;mem:512') }),
    ]);
    await master.untilState('hog', 'TASK_RUNNING');
    await master.untilState('other', 'TASK_RUNNING');
    await writeFile(bench.sandbox('pod', 'tasks/hog/go'), '');
    await master.untilState('hog', 'TASK_FAILED');
    expect(master.statuses('hog').at(-1)).toMatchObject({
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      message: expect.stringMatching(/^Memory limit exceeded: .*64 MB$/),
      limitation: { resources: [{ name: 'mem', scalar: { value: 64 } }] },
    });
    await master.untilState('other', 'TASK_KILLED');
    expect(master.statuses('other').at(-1)?.reason).not.toBe('REASON_CONTAINER_LIMITATION_MEMORY');
  });

  test('G71, G72: a pod is listed with all that its tasks were given and use', async () => {
    bench = await AgentBench.open(flags);
    const { master } = bench;
    master.launchGroup('pod', [
      taskInfo('t1', 'exec sleep 300'),
      taskInfo('t2', 'sleep 300 & exec sleep 300', { limits: { cpus: { value: 0.5 } } }),
    ]);
    for (const id of ['t1', 't2']) await master.untilState(id, 'TASK_RUNNING');
    await bench.agent.settle();
    const parent = master.statuses('t1').at(-1)?.containerStatus?.containerId?.parent?.value;
    const listed = async () =>
      (await (await fetch(`http://${bench.agent.http}/containers`)).json()) as {
        container_id: string;
        statistics: Record<string, number>;
      }[];
    const statistics = (await listed()).find((one) => one.container_id === parent)?.statistics;
    expect((await listed()).length).toBe(3);
    // The executor's own 0.1 and 32 MB, and of each task 64 MB.
    expect(statistics?.['cpus_limit']).toBeCloseTo(0.7);
    expect(statistics).toMatchObject({ mem_limit_bytes: 160 * 1024 * 1024 });
    expect(statistics?.['processes']).toBeGreaterThanOrEqual(3);
  });

  describe('R61, G52: tasks on revocable cpus', () => {
    /** Of version 1; version 2 tells a weight, whose least is 1. */
    const sharesIn = (groups: string): number | undefined => {
      for (const line of groups.trim().split('\n')) {
        const [, controllers = '', path = ''] = line.split(':');
        if (controllers.split(',').includes('cpu'))
          return Number(readGroupFile(join('/sys/fs/cgroup/cpu', path, 'cpu.shares')));
        const weight = readGroupFile(join('/sys/fs/cgroup', path, 'cpu.weight'));
        if (controllers === '' && weight !== undefined) return Number(weight.trim()) === 1 ? 10 : 1024;
      }
      return undefined;
    };
    const sharesOfTask = async (): Promise<number | undefined> => {
      const command = 'cat /proc/self/cgroup; echo ready; exec sleep 300';
      bench.master.launch('low', command, { resources: resources('cpus:1;mem:64', true) });
      return sharesIn(await bench.output('low', /ready/));
    };

    test('weigh ten for each', async () => {
      bench = await AgentBench.open(flags);
      expect(await sharesOfTask()).toBe(10);
    });

    test('weigh like others where the operator says so', async () => {
      bench = await AgentBench.open([...flags, '--revocable-cpu-low-priority=false']);
      expect(await sharesOfTask()).toBe(1024);
    });
  });
});
