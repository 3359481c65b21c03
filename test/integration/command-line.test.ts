import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { startLocalCluster, anyPorts, type LocalCluster } from '@meseta/cli';
import { TaskState } from '@meseta/protocol';
import { Rig, eventually, meseta, operatorOf, repository, run } from './harness';

describe('the command line, as a user types it', () => {
  const rig = new Rig();
  let cluster: LocalCluster;
  beforeAll(async () => {
    const workDir = join(rig.folder, 'cluster');
    cluster = await startLocalCluster({
      workDir,
      ports: anyPorts,
      runtimes: 'process',
      agents: [{ hostname: 'one', resources: 'cpus:4;mem:1024' }],
    });
  }, 60_000);
  afterAll(async () => {
    await cluster.stop();
    await rig.stop();
  }, 60_000);

  test('run shows what the task prints, and succeeds', async () => {
    const { code, stdout } = await meseta(['run', 'echo hello from $MESOS_TASK_ID'], cluster.master);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/hello from \S+/)]);
  }, 60_000);

  test('run fails when a task fails', async () => {
    const { code, stderr } = await meseta(['run', '--instances', '2', 'exit 7'], cluster.master);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/status 7/);
  }, 60_000);

  test('a task never sees the environment of its agent', async () => {
    const { stdout } = await run(process.execPath, [join(repository, 'bin/meseta'), 'run', 'env'], {
      MESETA_MASTER: cluster.master,
      SECRET_OF_THE_USER: 'x',
    });
    expect(stdout).toContain('MESOS_SANDBOX=');
    expect(stdout).not.toContain('SECRET_OF_THE_USER');
    expect(stdout).not.toContain('MESETA_MASTER');
  }, 60_000);

  test('tasks, task, logs and kill of one that runs', async () => {
    const running = meseta(
      ['run', '--name', 'ticker', '--', 'sh', '-c', 'echo tick; exec sleep 600'],
      cluster.master,
    );
    const tasks = async (): Promise<string> => (await meseta(['tasks', '-o', 'json'], cluster.master)).stdout;
    await eventually('the task runs', async () => (await tasks()).includes('TASK_RUNNING'), 30_000);
    const listed = await meseta(['tasks'], cluster.master);
    const id = /(ticker\S*)/.exec(listed.stdout)?.[1] ?? '';
    expect(id).not.toBe('');
    expect((await meseta(['task', id], cluster.master)).stdout).toContain('RUNNING');
    await eventually('its output is there', async () =>
      (await meseta(['logs', id], cluster.master)).stdout.includes('tick'),
    );
    const unknown = await meseta(['task', `${id}x`], cluster.master);
    expect([unknown.code === 0, unknown.stderr]).toEqual([
      false,
      expect.stringMatching(/unknown task .*did you mean/),
    ]);
    expect((await meseta(['kill', id], cluster.master)).code).toBe(0);
    expect((await running).code).not.toBe(0);
  }, 90_000);

  test('when a framework is killed its tasks end, and what they held is free', async () => {
    const child = spawn(process.execPath, [join(repository, 'bin/meseta'), 'run', 'sleep 600'], {
      env: { ...process.env, MESETA_MASTER: cluster.master },
      stdio: 'ignore',
    });
    const operator = operatorOf(cluster.master);
    const agent = async () => (await operator.agents()).agents?.agents[0];
    await eventually('the task runs', async () =>
      ((await operator.tasks())?.tasks ?? []).some((task) => task.state === TaskState.TASK_RUNNING),
    );
    expect((await agent())?.allocatedResources).not.toEqual([]);
    child.kill('SIGKILL');
    await eventually('nothing is allocated', async () => (await agent())?.allocatedResources.length === 0);
    operator.close();
  }, 60_000);

  test.each([['agents'], ['frameworks'], ['state'], ['version']])(
    '%s prints for people and for programs',
    async (command) => {
      expect((await meseta([command], cluster.master)).code).toBe(0);
      const { code, stdout } = await meseta([command, '-o', 'json'], cluster.master);
      expect(code).toBe(0);
      expect(() => JSON.parse(stdout) as unknown).not.toThrow();
    },
    60_000,
  );

  test('the hello framework runs', async () => {
    const { code, stdout } = await run(
      process.execPath,
      [join(repository, 'examples/hello-framework/dist/main.js')],
      { MESETA_MASTER: cluster.master },
    );
    expect([code, stdout]).toEqual([0, 'TASK_FINISHED\n']);
  }, 60_000);

  test.each(['registry', 'allocator', 'masters', 'agents'] as const)(
    '%s: health, readiness, metrics and version',
    async (which) => {
      const service = [cluster[which]].flat()[0];
      const get = async (path: string) => fetch(`http://${service?.http ?? ''}${path}`);
      expect((await get('/health/live')).status).toBe(200);
      expect((await get('/health/ready')).status).toBe(200);
      expect(await (await get('/version')).json()).toMatchObject({
        version: expect.stringMatching(/^\d/) as string,
      });
      const metrics = await (await get('/metrics')).text();
      const names = {
        registry: ['meseta_registry_commit_seconds'],
        allocator: ['meseta_allocator_turn_seconds', 'meseta_allocator_dominant_share'],
        masters: [
          'meseta_master_elected 1',
          'meseta_master_agents{state="active"} 1',
          'meseta_master_offers_total{outcome="accepted"}',
          'meseta_master_offers_outstanding',
          'meseta_master_offer_decision_seconds_count',
          'meseta_master_task_launch_seconds_count{stage="running"}',
          'meseta_master_status_updates_total{state="TASK_RUNNING"}',
        ],
        agents: ['meseta_agent_containers', 'meseta_agent_status_updates_unacknowledged'],
      }[which];
      for (const name of names) expect(metrics).toContain(name);
      expect(metrics).toContain('nodejs_eventloop_lag_seconds');
    },
    60_000,
  );
});
