import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLogger,
  noTracing,
  readConfig,
  type FailureError,
  type Timers,
  type Tracing,
} from '@meseta/kit';
import { TaskState } from '@meseta/protocol';
import { RecordedTracing } from '@meseta/testing';
import { agentService } from './config';
import { createAgentServer, type AgentServer } from './server';
import { FakeMaster } from './testdata/fake-master';

const launched = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** Timers of which a test lets some come due. */
class HandTimers implements Timers {
  private readonly pending = new Map<number, { readonly ms: number; readonly fn: () => void }>();
  private next = 0;

  after(ms: number, fn: () => void): () => void {
    const id = this.next++;
    this.pending.set(id, { ms, fn });
    return () => this.pending.delete(id);
  }

  /** Fires what was planned within these bounds. */
  fire(minMs: number, maxMs: number): void {
    for (const [id, { ms, fn }] of [...this.pending]) {
      if (ms < minMs || ms > maxMs) continue;
      this.pending.delete(id);
      fn();
    }
  }
}

describe('an agent', () => {
  let workDir: string;
  let master: FakeMaster;
  let agent: AgentServer | undefined;
  let fatal: FailureError[];

  beforeEach(async () => {
    workDir = await mkdtemp(join(tmpdir(), 'meseta-agent-'));
    master = await FakeMaster.start();
    fatal = [];
  });
  afterEach(async () => {
    // Tasks outlive an agent that is only closed.
    await agent?.unregister('the test is over');
    await agent?.close();
    agent = undefined;
    master.close();
    await rm(workDir, { recursive: true, force: true });
  });

  async function start(
    flags: readonly string[] = [],
    more: { readonly timers?: Timers; readonly now?: () => number; readonly tracing?: Tracing } = {},
  ): Promise<AgentServer> {
    const argv = [
      '--master',
      master.address,
      '--work-dir',
      workDir,
      '--port=0',
      '--http-port=0',
      '--runtimes=process',
      ...flags,
    ];
    agent = await createAgentServer({
      config: readConfig(agentService, argv, {}),
      log: createLogger('agent', process.env['TEST_LOG'] ?? 'silent'),
      tracing: more.tracing ?? noTracing,
      onFatal: (error) => fatal.push(error),
      ...(more.timers !== undefined && { timers: more.timers }),
      ...(more.now !== undefined && { clock: { now: more.now as never } }),
    });
    return agent;
  }

  async function registered(): Promise<void> {
    const before = master.registers.length;
    await master.until(
      'registered',
      () => master.registers.length > before || agent?.isRegistered() === true,
    );
    await master.until('taken in', () => agent?.isRegistered() === true);
  }

  async function restart(flags: readonly string[] = []): Promise<void> {
    await agent?.close();
    await start(flags);
    await master.until('registered again', () => agent?.isRegistered() === true);
  }

  async function comeBack(flags: readonly string[]): Promise<void> {
    await agent?.close();
    await start(flags);
  }

  async function untilMetric(line: string): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      if ((await agent?.metrics.registry.metrics())?.includes(`meseta_agent_${line}\n`) === true) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`not so in time: ${line}`);
  }

  test('runs a task and tells of it: STARTING, RUNNING, FINISHED', async () => {
    await start(['--resources', 'cpus:2;mem:512', '--attributes', 'rack:a']);
    await registered();
    expect(master.registers[0]?.agentInfo).toMatchObject({
      attributes: [{ name: 'rack' }, { name: 'process_isolation' }],
      resources: expect.arrayContaining([expect.objectContaining({ name: 'cpus' })]),
    });
    master.launch('t1', 'echo "$MESOS_TASK_ID in $MESOS_ALLOCATION_ROLE"; pwd');
    await master.untilState('t1', 'TASK_FINISHED');
    expect(master.states('t1')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    const [, running, finished] = master.statuses('t1');
    expect(running).toMatchObject({
      source: 'SOURCE_EXECUTOR',
      agentId: { value: 'agent-1' },
      executorId: { value: 't1' },
    });
    expect(running?.containerStatus?.networkInfos[0]?.ipAddresses[0]?.ipAddress).toBe('127.0.0.1');
    expect(finished).toMatchObject({ message: 'Command exited with status 0', uuid: expect.any(Buffer) });
    expect(finished?.uuid).toHaveLength(16);
    const runs = join(workDir, 'agents/agent-1/frameworks/framework/executors/t1/runs');
    const sandbox = join(runs, await readlink(join(runs, 'latest')));
    expect(await readFile(join(sandbox, 'stdout'), 'utf8')).toBe(`t1 in web\n${sandbox}\n`);
    expect((await agent?.metrics.registry.metrics()) ?? '').toContain(
      'meseta_agent_containers{runtime="process"} 0',
    );
  });

  test('many tasks at once', async () => {
    await start();
    await registered();
    for (let i = 0; i < 40; i++) master.launch(`t${i}`, `exit ${i % 2}`);
    for (let i = 0; i < 40; i++)
      await master.untilState(`t${i}`, i % 2 === 0 ? 'TASK_FINISHED' : 'TASK_FAILED');
    expect(master.statuses('t1').at(-1)?.message).toBe('Command exited with status 1');
  }, 30_000);

  test('kills with grace a task that ignores SIGTERM, and tells KILLING, KILLED', async () => {
    await start();
    await registered();
    const ready = join(workDir, 'agents/agent-1/frameworks/framework/executors/t1/runs/latest/ready');
    master.launch('t1', `trap '' TERM; touch ready; while :; do sleep 0.1; done`);
    await master.untilState('t1', 'TASK_RUNNING');
    // It runs before it has said what it ignores.
    await master.until('the task ignores SIGTERM', () => existsSync(ready));
    master.kill('t1', 300);
    await master.untilState('t1', 'TASK_KILLED');
    expect(master.states('t1')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
    expect(master.statuses('t1').at(-1)?.message).toBe('Command terminated with signal SIGKILL');
  });

  test('sends an update again until it is acknowledged, after 10 s, then after 20 s, and the next only then', async () => {
    const timers = new HandTimers();
    let now = 1_000_000;
    master.acknowledges = false;
    const tracing = new RecordedTracing();
    master.traceparent = launched;
    await start([], { timers, now: () => now, tracing });
    await registered();
    master.launch('t1', 'exit 0');
    await master.until('one update', () => master.updates.length === 1);
    now += 10_000;
    timers.fire(9_000, 10_000);
    await master.until('two updates', () => master.updates.length === 2);
    await untilMetric('status_updates_total{state="TASK_FINISHED"} 1');
    now += 20_000;
    timers.fire(10_001, 20_000);
    await master.until('three updates', () => master.updates.length === 3);
    expect(master.states('t1')).toEqual(['TASK_STARTING']);
    // Each new try is in the trace of the launch.
    expect(tracing.named('agent.status_update')).toMatchObject(
      [2, 3].map((attempt) => ({
        parent: launched,
        attributes: { 'task.id': 't1', state: 'TASK_STARTING' },
        events: [
          {
            name: 'retry',
            attributes: { 'retry.attempt': attempt, 'retry.delay_ms': 10_000 * (attempt - 1) },
          },
        ],
        ended: true,
      })),
    );
    expect(master.updates.at(-1)?.latestState).toBe('TASK_FINISHED');
    const uuid = master.updates[0]?.status?.uuid ?? Buffer.alloc(0);
    master.acknowledge('t1', Buffer.alloc(16, 1));
    master.acknowledge('t1', uuid);
    await master.untilState('t1', 'TASK_RUNNING');
  });

  test('a container that cannot be started is an error of both its spans', async () => {
    const tracing = new RecordedTracing();
    master.traceparent = launched;
    await start([], { tracing });
    await registered();
    master.launch('t1', {
      environment: { variables: [{ name: 'a.b', value: '1' }] },
      uris: [],
      arguments: [],
      shell: true,
      value: 'true',
    });
    await master.untilState('t1', 'TASK_FAILED');
    const message = master.statuses('t1').at(-1)?.message;
    expect(tracing.seen.map(({ name, parent, ended }) => [name, parent, ended])).toEqual([
      ['agent.launch', launched, true],
      ['agent.container.start', tracing.seen[0]?.traceparent, true],
    ]);
    for (const { error } of tracing.seen) expect((error as Error).message).toBe(message);
  });

  test('a running task survives a restart of the agent and is found again', async () => {
    await start();
    await registered();
    master.launch('t1', 'echo $$; sleep 300');
    await master.untilState('t1', 'TASK_RUNNING');
    await restart();
    expect(master.registers.at(-1)?.tasks).toMatchObject([
      { taskId: { value: 't1' }, state: 'TASK_RUNNING' },
    ]);
    expect(master.registers.at(-1)?.agentInfo?.id?.value).toBe('agent-1');
    master.kill('t1');
    await master.untilState('t1', 'TASK_KILLED');
  });

  test('a task that ended while the agent was away is told with its true status, and unacknowledged updates come again', async () => {
    await start();
    await registered();
    master.launch('t1', 'until [ -e end ]; do sleep 0.02; done; exit 7');
    await master.untilState('t1', 'TASK_RUNNING');
    await untilMetric('status_updates_unacknowledged 0');
    master.acknowledges = false;
    await agent?.close();
    await writeFile(join(workDir, 'agents/agent-1/frameworks/framework/executors/t1/runs/latest/end'), '');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await start();
    await master.untilState('t1', 'TASK_FAILED');
    expect(master.statuses('t1').at(-1)?.message).toBe('Command exited with status 7');
    await restart();
    await master.until(
      'told again',
      () => master.updates.filter(({ status }) => status?.state === TaskState.TASK_FAILED).length === 2,
    );
    const [first, second] = master.updates.filter(({ status }) => status?.state === TaskState.TASK_FAILED);
    expect(first?.status?.uuid).toEqual(second?.status?.uuid);
    expect(master.registers.at(-1)?.tasks).toMatchObject([
      { state: 'TASK_FAILED', statusUpdateState: 'TASK_FAILED' },
    ]);
  });

  test('tasks of a framework that does not checkpoint end with the agent', async () => {
    await start();
    await registered();
    master.launch('t1', 'echo $$; exec sleep 300', {}, { checkpoint: false });
    await master.untilState('t1', 'TASK_RUNNING');
    const pid = master.statuses('t1').at(-1)?.containerStatus?.executorPid ?? 0;
    expect(pid).toBeGreaterThan(0);
    await restart();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await agent?.settle();
    await master.untilState('t1', 'TASK_GONE');
  });

  test('G7: it may come back only to end what ran', async () => {
    await start();
    await registered();
    master.launch('t1', 'exec sleep 300');
    await master.untilState('t1', 'TASK_RUNNING');
    const pid = master.statuses('t1').at(-1)?.containerStatus?.executorPid ?? 0;
    const before = master.registers.length;
    await comeBack(['--recover=cleanup']);
    await agent?.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(master.registers).toHaveLength(before);
    await start();
    await registered();
    // It is a new agent.
    expect(master.registers.at(-1)?.agentInfo?.id).toBeUndefined();
    expect(master.registers.at(-1)?.tasks).toEqual([]);
  });

  test('G10: it comes back as it was, if the operator wants that', async () => {
    const flags = ['--resources=cpus:2;mem:512;disk:100;ports:[]', '--reconfiguration-policy=additive'];
    await start(flags);
    await registered();
    await restart([...flags, '--attributes=rack:a']);
    await agent?.close();
    await expect(start([...flags, '--resources=cpus:1;mem:512;disk:100;ports:[]'])).rejects.toThrow(
      /^the agent may not come back as another \(--reconfiguration-policy=additive\): its attributes changed from rack:a to none/,
    );
    await start(['--resources=cpus:1;mem:512;disk:100;ports:[]']);
    await registered();
  });

  test('E19: what the operator says is in the environment, under what the task says', async () => {
    await start(['--executor-environment-variables={"SITE":"north","PATH":"/usr/bin:/bin","LEVEL":"1"}']);
    await registered();
    master.launch('t1', 'echo "$SITE $LEVEL $PATH"', {
      command: {
        value: 'echo "$SITE $LEVEL $PATH"',
        uris: [],
        arguments: [],
        environment: { variables: [{ name: 'LEVEL', value: '2' }] },
      },
    });
    await master.untilState('t1', 'TASK_FINISHED');
    const stdout = join(workDir, 'agents/agent-1/frameworks/framework/executors/t1/runs/latest/stdout');
    expect(await readFile(stdout, 'utf8')).toBe('north 2 /usr/bin:/bin\n');
    const argv = ['--master=a:1', `--work-dir=${workDir}`, '--executor-environment-variables=["x"]'];
    expect(() => readConfig(agentService, argv, {})).toThrow(/variables must be JSON as/);
  });

  test('does nothing that a master of a lower term says', async () => {
    await start();
    await registered();
    master.launch('t1', 'sleep 300');
    await master.untilState('t1', 'TASK_RUNNING');
    master.term = 4n;
    master.kill('t1');
    master.term = 5n;
    const before = master.registers.length;
    await master.until(
      'a new stream',
      () => master.registers.length > before && agent?.isRegistered() === true,
    );
    expect(master.states('t1')).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
  });

  test('answers pings, and registers again when the stream ends', async () => {
    await start();
    await registered();
    master.say({ $case: 'ping', value: { sequence: 7n } });
    await master.until('pong', () => master.pongs.includes(7n));
    master.hangUp();
    await master.until(
      'registered again',
      () => master.registers.length === 2 && agent?.isRegistered() === true,
    );
  });

  test('looks for the master again when it is silent', async () => {
    master.silenceMaxMs = 300n;
    await start();
    await registered();
    await master.until('registered again', () => master.registers.length >= 2);
  });

  test('tells of tasks that it does not know', async () => {
    await start();
    await registered();
    master.kill('nobody');
    master.say({
      $case: 'reconcileTasks',
      value: { tasks: [{ frameworkId: { value: 'framework' }, taskId: { value: 'none' } }] },
    });
    await master.untilState('nobody', 'TASK_DROPPED');
    await master.untilState('none', 'TASK_DROPPED');
    expect(master.statuses('nobody')[0]?.reason).toBe('REASON_EXECUTOR_TERMINATED');
    expect(master.statuses('none')[0]?.reason).toBe('REASON_RECONCILIATION');
  });

  test.each([
    ['a bad id', 'a/b', 'true', {}, 'TASK_ERROR', "task id must not contain '/'"],
    ['no command', 't', '', { command: undefined }, 'TASK_ERROR', 'the task must have a command'],
    [
      'a missing user',
      't',
      { uris: [], arguments: [], value: 'true', user: 'no-such-user' },
      {},
      'TASK_FAILED',
      "user 'no-such-user' does not exist on this agent",
    ],
    [
      'URIs',
      't',
      { uris: [{ value: 'http://x' }], arguments: [], value: 'true' },
      {},
      'TASK_ERROR',
      "URI 'http://x' must have an output_file within the sandbox",
    ],
  ] as const)('refuses a task with %s', async (_, id, command, more, state, message) => {
    await start();
    await registered();
    master.launch(id, command, more);
    await master.untilState(id, state);
    expect(master.statuses(id).at(-1)?.message).toBe(message);
  });

  test('T61: a task that is killed while its files are fetched never starts', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const asked = new Promise<void>((resolve) => server.once('request', () => resolve()));
    await start();
    await registered();
    const { port } = server.address() as { port: number };
    master.launch('t1', { uris: [{ value: `http://127.0.0.1:${port}/file` }], arguments: [], value: 'true' });
    await asked;
    master.kill('t1');
    await master.untilState('t1', 'TASK_KILLED');
    expect(master.states('t1')).toEqual(['TASK_STARTING', 'TASK_KILLED']);
    expect(master.statuses('t1').at(-1)?.reason).toBe('REASON_TASK_KILLED_DURING_LAUNCH');
    server.closeAllConnections();
    server.close();
  });

  test('a framework is told how far a long fetch has come', async () => {
    let more = 20;
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-length': 20 * 1024 * 1024 });
      const send = (): void => {
        response.write(Buffer.alloc(1024 * 1024));
        if (--more > 0) setTimeout(send, 20);
        else response.end();
      };
      send();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await start(['--launch-progress-interval=100ms']);
    await registered();
    master.launch('t1', { uris: [{ value: `http://127.0.0.1:${port}/file` }], arguments: [], value: 'true' });
    await master.untilState('t1', 'TASK_FINISHED');
    const told = master.statuses('t1').filter(({ state }) => String(state) === 'TASK_STARTING');
    expect(told.length).toBeGreaterThan(1);
    expect(told[1]?.message).toMatch(/^fetching URI 1 of 1: \d+ of 20 MB$/);
    server.closeAllConnections();
    server.close();
  });

  test('ends all tasks of a framework that is gone, and tells the master of each', async () => {
    await start();
    await registered();
    master.launch('t1', 'sleep 300');
    await master.untilState('t1', 'TASK_RUNNING');
    master.say({ $case: 'shutdownFramework', value: { frameworkId: { value: 'framework' } } });
    await untilMetric('containers{runtime="process"} 0');
    await master.untilState('t1', 'TASK_KILLED');
  });

  test('leaves for good when asked to', async () => {
    await start();
    await registered();
    master.launch('t1', 'sleep 300');
    await master.untilState('t1', 'TASK_RUNNING');
    await agent?.unregister('asked');
    await agent?.close();
    await master.until('goodbye', () => master.unregistered === 'asked');
    await start();
    await registered();
    expect(master.registers.at(-1)?.agentInfo?.id).toBeUndefined();
    expect(master.registers.at(-1)?.tasks).toEqual([]);
  });

  test('a master that refuses it, or is of another cluster, ends it with one line', async () => {
    master.refusal = 'the agent was marked gone';
    await start();
    await master.until('fatal', () => fatal.length === 1);
    expect(fatal[0]?.message).toBe('the master refused this agent: the agent was marked gone');
    await agent?.close();
    master.refusal = undefined;
    master.cluster = 'other';
    await start();
    await master.until('fatal', () => fatal.length === 2);
    expect(fatal[1]?.message).toBe(
      "the master is of the cluster 'other', this agent of 'meseta' (--cluster)",
    );
  });

  test('a work directory of another agent, or of another cluster, is refused in one line', async () => {
    await start();
    const first = agent;
    await expect(start()).rejects.toThrow(
      `work directory ${workDir} is in use by another agent, process ${process.pid} (--work-dir)`,
    );
    await first?.close();
    await expect(start(['--cluster', 'other'])).rejects.toThrow(
      `work directory ${workDir} belongs to the cluster 'meseta', not to 'other' (--work-dir, --cluster)`,
    );
    await start();
  });
});
