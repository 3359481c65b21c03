import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { AgentBench } from './testdata/agent-bench';
import { containerInfo, dockerSuite, dockerTestMs, openDocker, socketPath } from './testdata/docker-place';
import { taskInfo } from './testdata/fake-master';

/** Only control groups say what is an agent's, wherever it has gone. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;
const exec = promisify(execFile);

suite('G8: an agent that does not come back', () => {
  let bench: AgentBench;
  afterEach(() => bench.close());

  const pidOf = (id: string): number => bench.master.statuses(id).at(-1)?.containerStatus?.executorPid ?? 0;
  const isThere = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  test('its tasks go on without it for so long, and end then', async () => {
    bench = await AgentBench.open(['--recovery-timeout=1s']);
    const { master } = bench;
    master.launch('t1', 'setsid sleep 3017 & trap "" TERM; while :; do sleep 0.1; done');
    master.launchGroup('pod', [taskInfo('t2', 'exec sleep 300')]);
    await master.untilState('t1', 'TASK_RUNNING');
    await master.untilState('t2', 'TASK_RUNNING');
    const pids = [pidOf('t1'), pidOf('t2')];
    await bench.agent.close();
    await pause(1_000);
    expect(pids.map(isThere)).toEqual([true, true]);
    const isLeft = async (): Promise<boolean> =>
      (await exec('ps', ['ax', '-o', 'args='])).stdout.split('\n').includes('sleep 3017');
    for (let tries = 0; pids.some(isThere) || (await isLeft()); tries++) {
      if (tries === 200) throw new Error('they go on');
      await pause(50);
    }
    await bench.start();
    await master.untilState('t1', 'TASK_GONE');
    expect(master.statuses('t1').at(-1)?.message).toBe(
      'The agent was away for longer than --recovery-timeout',
    );
  });

  test('one that does come back keeps them, and is guarded anew', async () => {
    const flags = ['--recovery-timeout=1s'];
    bench = await AgentBench.open(flags);
    bench.master.launch('t1', 'exec sleep 300');
    await bench.master.untilState('t1', 'TASK_RUNNING');
    const pid = pidOf('t1');
    await bench.restart(flags);
    await pause(4_500);
    expect(isThere(pid)).toBe(true);
    expect(bench.master.states('t1').at(-1)).toBe('TASK_RUNNING');
  });
});

dockerSuite('G8: an agent with containers in Docker that does not come back', () => {
  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  const flags = ['--runtimes=docker', `--docker-socket=${socketPath}`, '--recovery-timeout=1s'];
  let docker: Docker;
  let bench: AgentBench;
  beforeAll(async () => {
    docker = await openDocker();
  }, dockerTestMs);
  afterEach(() => bench.close(), dockerTestMs);

  const runs = async (id: string): Promise<boolean> => {
    const { value = '' } = bench.master.statuses(id).at(-1)?.containerStatus?.containerId ?? {};
    return (await docker.getContainer(`meseta-${value}`).inspect()).State.Running;
  };
  const launch = async (id: string): Promise<void> => {
    bench.master.launch(id, 'sleep 300 & sleep 300', { container: containerInfo({}) });
    await bench.master.untilState(id, 'TASK_RUNNING');
  };

  asRoot(
    'its containers go on without it for so long, and end then; those of one that is back do not',
    async () => {
      bench = await AgentBench.open(flags);
      await launch('t1');
      await bench.restart(flags);
      await pause(4_500);
      expect(await runs('t1')).toBe(true);
      await bench.agent.close();
      while (await runs('t1')) await pause(100);
      await bench.start(flags);
      await bench.master.untilState('t1', 'TASK_GONE');
      expect(bench.master.statuses('t1').at(-1)?.message).toBe(
        'The agent was away for longer than --recovery-timeout',
      );
      // Once its end is acknowledged.
      while ((await readdir(join(bench.workDir, 'meta/docker-guarded'))).length > 0) await pause(20);
    },
    dockerTestMs,
  );
});
