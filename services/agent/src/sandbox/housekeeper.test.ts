import { access, mkdir, readdir, readFile, realpath, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Resources } from '@meseta/model';
import { resourcesToProto } from '@meseta/protocol';
import { AgentBench } from '../testdata/agent-bench';
import { taskInfo } from '../testdata/fake-master';
import { deleteOldSandboxes } from './old-sandboxes';

describe('looking after sandboxes', () => {
  let bench: AgentBench;
  afterEach(() => bench.close());

  test('G57: a task that fills the disk is ended, and its end says what it used', async () => {
    bench = await AgentBench.open(['--enforce-disk-quota', '--disk-watch-interval=100ms']);
    const { master } = bench;
    const disk = Resources.parse('disk:2') as Resources;
    const info = taskInfo('filler', '');
    master.launch('filler', 'head -c 8000000 /dev/zero > big; exec sleep 300', {
      resources: [...info.resources, ...resourcesToProto(disk.allocate('web'))],
    });
    await master.untilState('filler', 'TASK_FAILED');
    expect(master.statuses('filler').at(-1)).toMatchObject({
      reason: 'REASON_CONTAINER_LIMITATION_DISK',
      message: 'Disk limit exceeded: 8 MB are used of 2 MB',
      limitation: { resources: [{ name: 'disk', scalar: { value: 8 } }] },
    });
  });

  test('G40: a long output is moved aside and goes on', async () => {
    bench = await AgentBench.open(['--log-size-max=1', '--disk-watch-interval=100ms']);
    const { master } = bench;
    master.launch('chatty', 'head -c 1500000 /dev/zero; while :; do echo again; sleep 0.1; done');
    await bench.output('chatty', /^(again\n)+$/);
    expect((await readFile(bench.sandbox('chatty', 'stdout.1'))).length).toBeGreaterThan(1_400_000);
  });

  test('G13: a sandbox goes when it is old, its links with it, and one that is in use stays', async () => {
    bench = await AgentBench.open();
    const { master, workDir } = bench;
    master.launch('over', 'true');
    master.launchGroup('pod', [taskInfo('member', 'true')]);
    master.launch('going', 'exec sleep 300');
    await master.untilState('over', 'TASK_FINISHED');
    await master.untilState('member', 'TASK_FINISHED');
    await master.untilState('going', 'TASK_RUNNING');
    const options = { workDir, delayMs: 60_000, headroom: 0, membersToo: false };
    const runs = await readdir(bench.sandbox('going', '..'));
    const isLive = (id: string): boolean => runs.includes(id);
    expect(await deleteOldSandboxes(options, isLive, Date.now())).toBe(0);
    expect(await deleteOldSandboxes(options, isLive, Date.now() + 61_000)).toBe(2);
    const framework = join(workDir, 'agents/agent-1/frameworks/framework');
    expect(await readdir(join(framework, 'executors'))).toEqual(['going']);
    expect(await readdir(join(framework, 'tasks'))).toEqual([]);
    await access(bench.sandbox('going', 'stdout'));
  });

  test('G14: a task of a pod goes with its pod, or before where that is wanted', async () => {
    bench = await AgentBench.open();
    const { master, workDir } = bench;
    master.launchGroup('pod', [taskInfo('over', 'true'), taskInfo('going', 'exec sleep 300')]);
    await master.untilState('over', 'TASK_FINISHED');
    await master.untilState('going', 'TASK_RUNNING');
    const going = await realpath(bench.sandbox('pod', 'tasks/going'));
    const isLive = (id: string): boolean => going.split('/').includes(id);
    const sweep = (membersToo: boolean, inMs: number): Promise<number> =>
      deleteOldSandboxes({ workDir, delayMs: 60_000, headroom: 0, membersToo }, isLive, Date.now() + inMs);
    expect([await sweep(false, 61_000), await sweep(true, 0)]).toEqual([0, 0]);
    expect(await sweep(true, 61_000)).toBe(1);
    expect(await readdir(bench.sandbox('pod', 'tasks'))).toEqual(['going']);
    expect((await readdir(bench.sandbox('pod', 'containers'))).filter((name) => !name.includes('.'))).toEqual(
      [basename(going)],
    );
  });

  /** Nothing was written for an hour. */
  async function quiet(...sandboxes: readonly string[]): Promise<void> {
    const then = new Date(Date.now() - 3_600_000);
    for (const sandbox of sandboxes)
      for (const path of [sandbox, join(sandbox, 'stdout'), join(sandbox, 'stderr')])
        await utimes(path, then, then).catch(() => undefined);
  }

  test('G13, G14: a task that was quiet for long keeps its sandbox from its end on, and so do pods', async () => {
    bench = await AgentBench.open();
    const { master, workDir } = bench;
    master.launch('alone', 'exec sleep 300');
    master.launchGroup('pod', [taskInfo('member', 'exec sleep 300')]);
    await master.untilState('alone', 'TASK_RUNNING');
    await master.untilState('member', 'TASK_RUNNING');
    const member = await realpath(bench.sandbox('pod', 'tasks/member'));
    await quiet(await realpath(bench.sandbox('alone')), member, await realpath(bench.sandbox('pod')));
    for (const id of ['alone', 'member']) {
      master.kill(id, 0);
      await master.untilState(id, 'TASK_KILLED');
    }
    const sweep = (inMs: number): Promise<number> =>
      deleteOldSandboxes(
        { workDir, delayMs: 60_000, headroom: 0, membersToo: true },
        () => false,
        Date.now() + inMs,
      );
    expect([await sweep(0), await sweep(61_000)]).toEqual([0, 3]);
  });

  test('G13: so it is with one that ended while the agent was away', async () => {
    bench = await AgentBench.open();
    const { master, workDir } = bench;
    master.launch('alone', 'echo $$; while ! [ -e go ]; do sleep 0.05; done');
    await master.untilState('alone', 'TASK_RUNNING');
    const sandbox = await realpath(bench.sandbox('alone'));
    await bench.agent.close();
    await writeFile(join(sandbox, 'go'), '');
    const runs = join(workDir, 'meta/runs');
    while (!(await readdir(runs)).some((name) => name.endsWith('.exit'))) await pause(20);
    await quiet(sandbox);
    await bench.start();
    await master.untilState('alone', 'TASK_FINISHED');
    const options = { workDir, delayMs: 60_000, headroom: 0, membersToo: false };
    expect(await deleteOldSandboxes(options, () => false, Date.now())).toBe(0);
  });

  test('a full disk keeps nothing', async () => {
    bench = await AgentBench.open();
    const run = join(bench.workDir, 'agents/a/frameworks/f/executors/e/runs/c');
    await mkdir(run, { recursive: true });
    await utimes(run, new Date(), new Date(Date.now() - 1_000));
    // With all of the disk as headroom there is no disk that is empty enough.
    const options = { workDir: bench.workDir, delayMs: 3_600_000, headroom: 1, membersToo: false };
    expect(await deleteOldSandboxes(options, () => false, Date.now())).toBe(1);
  });
});
