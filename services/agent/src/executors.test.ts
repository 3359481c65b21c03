import { join } from 'node:path';
import { access, link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { CheckInfo_Type, ExecutorInfo_Type, HealthCheck_Type, type TaskInfo } from '@meseta/protocol';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { AgentBench } from './testdata/agent-bench';
import { executorInfo, taskInfo } from './testdata/fake-master';

const nanoseconds = (ms: number): { nanoseconds: bigint } => ({ nanoseconds: BigInt(ms) * 1_000_000n });

// Isolated tasks have a /tmp of their own, where a clone of this repository that is in /tmp is not.
const flags = __dirname.startsWith('/tmp/') ? ['--isolate-processes=false'] : [];

describe('what an agent runs for frameworks', () => {
  let bench: AgentBench;
  beforeEach(async () => {
    bench = await AgentBench.open(flags);
  });
  afterEach(() => bench.close());

  describe('groups', () => {
    test('E46, E50: its tasks have sandboxes within the executor’s, and end together when one fails', async () => {
      const { master } = bench;
      master.launchGroup('pod', [
        taskInfo('t1', 'echo one; pwd; sleep 300'),
        taskInfo('t2', 'echo two; while ! [ -e fail ]; do sleep 0.05; done; exit 4'),
      ]);
      await master.untilState('t1', 'TASK_RUNNING');
      await master.untilState('t2', 'TASK_RUNNING');
      await bench.output('pod', /one\n.*\/containers\/.*\n/s, ['tasks/t1/stdout']);
      expect(master.statuses('t1').at(-1)?.executorId?.value).toBe('pod');
      expect(master.statuses('t1').at(-1)?.containerStatus?.containerId?.parent?.value).toMatch(/-/);
      await bench.restart(flags);
      expect(master.registers.at(-1)?.executors).toMatchObject([{ executorId: { value: 'pod' } }]);
      expect(master.registers.at(-1)?.tasks).toHaveLength(2);
      await writeFile(bench.sandbox('pod', 'tasks/t2/fail'), '');
      await master.untilState('t2', 'TASK_FAILED');
      await master.untilState('t1', 'TASK_KILLED');
      await master.until('the executor is gone', () => master.executorsEnded.length === 1);
      expect(master.executorsEnded[0]).toMatchObject({ executorId: { value: 'pod' }, status: 0 });
    });

    test('E51, E55: tasks share the memory of the group, and who uses it up is told so', async () => {
      const { master } = bench;
      const hog = "python3 -c 'b = bytearray(600 << 20)' || perl -e '$x = \"a\" x (600 << 20)'; sleep 300";
      master.launchGroup('pod', [
        taskInfo('t1', 'sleep 300'),
        taskInfo('t2', `exec sh -c ${quote(hog.replace(/; sleep 300$/, ''))}`),
      ]);
      await master.untilState('t2', 'TASK_FAILED');
      const failed = master.statuses('t2').at(-1);
      if (process.getuid?.() === 0) {
        expect(failed).toMatchObject({ reason: 'REASON_CONTAINER_LIMITATION_MEMORY' });
        expect(failed?.limitation?.resources).toMatchObject([{ name: 'mem', scalar: { value: 160 } }]);
      }
      await master.untilState('t1', 'TASK_KILLED');
    });
  });

  describe('checks', () => {
    const often = { delaySeconds: 0, intervalSeconds: 0.05, timeoutSeconds: 5 };

    test('T71, T75: a command’s answer is told when it changes', async () => {
      const { master } = bench;
      const check: TaskInfo['check'] = {
        type: CheckInfo_Type.COMMAND,
        command: {
          command: {
            value: 'test -e there && exit $CODE',
            uris: [],
            arguments: [],
            environment: { variables: [{ name: 'CODE', value: '7' }] },
          },
        },
        ...often,
      };
      master.launch('t1', 'sleep 300', { check });
      const answers = () => master.statuses('t1').map(({ checkStatus }) => checkStatus?.command?.exitCode);
      await master.until('1', () => answers().includes(1));
      await writeFile(bench.sandbox('t1', 'there'), '');
      await master.until('7', () => answers().includes(7));
      expect(answers()).toEqual([undefined, undefined, 1, 7]);
      expect(master.statuses('t1').at(-1)?.reason).toBe('REASON_TASK_CHECK_STATUS_UPDATED');
    });

    test('T74: a task that stays unhealthy is killed, and its end says so', async () => {
      const { master } = bench;
      const healthCheck: TaskInfo['healthCheck'] = {
        type: HealthCheck_Type.COMMAND,
        command: { value: 'test -e well', uris: [], arguments: [] },
        gracePeriodSeconds: 60,
        consecutiveFailures: 2,
        ...often,
      };
      master.launch('t1', 'touch well; sleep 300', { healthCheck });
      const told = () => master.statuses('t1').map(({ healthy }) => healthy);
      await master.until('it is well', () => told().includes(true));
      await rm(bench.sandbox('t1', 'well'));
      await master.untilState('t1', 'TASK_KILLED');
      expect(master.statuses('t1').at(-1)).toMatchObject({
        healthy: false,
        reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
      });
    });

    test('T76, T77: HTTP follows redirections and TCP connects', async () => {
      const { master } = bench;
      let status = 302;
      const server = createServer((request, response) => {
        response.writeHead(request.url === '/end' ? 204 : status, { location: '/end' }).end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      try {
        master.launch('t1', 'sleep 300', {
          check: { type: CheckInfo_Type.HTTP, http: { port, path: '/' }, ...often },
          healthCheck: { type: HealthCheck_Type.TCP, tcp: { port }, ...often },
        });
        const answers = () => master.statuses('t1').map(({ checkStatus }) => checkStatus?.http?.statusCode);
        await master.until('204', () => answers().includes(204));
        status = 500;
        await master.until('500', () => answers().includes(500));
        await master.until('healthy', () => master.statuses('t1').some(({ healthy }) => healthy === true));
      } finally {
        server.close();
        server.closeAllConnections();
      }
      await master.until('unhealthy', () => master.statuses('t1').some(({ healthy }) => healthy === false));
    });

    test('an answer that takes too long is none', async () => {
      const { master } = bench;
      master.launch('t1', 'sleep 300', {
        healthCheck: {
          type: HealthCheck_Type.COMMAND,
          command: { value: 'sleep 60', uris: [], arguments: [] },
          gracePeriodSeconds: 0,
          consecutiveFailures: 1,
          ...often,
          timeoutSeconds: 0.2,
        },
      });
      await master.untilState('t1', 'TASK_KILLED');
      expect(master.statuses('t1').find(({ healthy }) => healthy === false)?.message).toBe(
        'The health check failed: no answer within 200 ms',
      );
    });
  });

  describe('custom executors', () => {
    const program = join(__dirname, '../../../examples/custom-executor/dist/executor.js');
    const own = (more = {}) =>
      executorInfo('counter', {
        type: ExecutorInfo_Type.CUSTOM,
        command: { uris: [], arguments: ['node', program], value: process.execPath, shell: false },
        ...more,
      });
    const task = (id: string, data: string): TaskInfo => {
      const { command: _, ...rest } = taskInfo(id, '', { data: Buffer.from(data), executor: own() });
      return rest;
    };
    const launch = (info: TaskInfo): void =>
      bench.master.launch(info.taskId?.value ?? '', '', { ...info, command: undefined });

    beforeAll(() => access(program));

    test('E31: many tasks in one process, with the data that it tells', async () => {
      const { master } = bench;
      launch(task('t1', '3'));
      launch(task('t2', '4'));
      launch(task('t3', 'x'));
      await master.untilState('t1', 'TASK_FINISHED');
      await master.untilState('t2', 'TASK_FINISHED');
      await master.untilState('t3', 'TASK_FAILED');
      expect(master.statuses('t1').at(-1)).toMatchObject({ message: 'the sum is 6', data: Buffer.from('6') });
      expect(master.statuses('t3').at(-1)?.message).toBe('the data of a task must be a whole number');
      expect(master.statuses('t1')[0]?.executorId?.value).toBe('counter');
      master.say({
        $case: 'shutdownExecutor',
        value: { frameworkId: { value: 'framework' }, executorId: { value: 'counter' } },
      });
      await master.until('it has ended', () => master.executorsEnded.length === 1);
      expect(master.executorsEnded[0]).toMatchObject({ status: 0 });
    }, 20_000);

    test('E16, E18: it survives a restart of its agent, and what it told meanwhile is told', async () => {
      const { master } = bench;
      launch(task('t1', '100'));
      launch(task('t2', '100000'));
      await master.untilState('t2', 'TASK_RUNNING');
      await bench.agent.close();
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      await bench.start(flags);
      await master.untilState('t1', 'TASK_FINISHED');
      expect(master.statuses('t1').at(-1)?.message).toBe('the sum is 5050');
      master.kill('t2');
      await master.untilState('t2', 'TASK_KILLED');
      expect(master.statuses('t2').at(-1)?.message).toBe('stopped counting');
    }, 20_000);

    test('E26: when it is killed its tasks fail', async () => {
      const { master } = bench;
      launch(task('t1', '100000'));
      await master.untilState('t1', 'TASK_RUNNING');
      for (const pid of await readdir('/proc')) {
        const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
        // Of this agent's: the executor has its work directory for its own.
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
        if (words[1] === program && environment.includes(bench.workDir)) process.kill(Number(pid), 'SIGKILL');
      }
      await master.untilState('t1', 'TASK_FAILED');
      expect(master.statuses('t1').at(-1)?.reason).toBe('REASON_EXECUTOR_TERMINATED');
    }, 20_000);

    test('E1: it finds its agent by a socket, and again when that was killed', async () => {
      const { master } = bench;
      const sockets = [...flags, '--executor-domain-sockets'];
      await bench.restart(sockets);
      const script = `env > variables; unset MESOS_AGENT_ENDPOINT; exec "$0" "$1"`;
      const arguments_ = ['sh', '-c', script, process.execPath, program];
      const executor = own({ command: { uris: [], arguments: arguments_, value: '/bin/sh', shell: false } });
      launch({ ...task('t1', '300'), executor });
      await master.untilState('t1', 'TASK_RUNNING');
      const path =
        /MESOS_DOMAIN_SOCKET=(.*)/.exec(await bench.output('counter', /./, ['variables']))?.[1] ?? '';
      expect(path).toMatch(/\/executors\/agent\.sock$/);
      // What a killed agent leaves.
      await bench.agent.close();
      const killed = createNetServer();
      await new Promise<void>((resolve) => killed.listen(`${path}.left`, resolve));
      await link(`${path}.left`, path);
      await new Promise((resolve) => killed.close(resolve));
      await bench.start(sockets);
      await master.untilState('t1', 'TASK_FINISHED');
      expect(master.statuses('t1').at(-1)?.message).toBe('the sum is 45150');
    }, 30_000);

    test('E22: one that never subscribes is destroyed', async () => {
      await bench.restart([...flags, '--executor-registration-timeout=300ms']);
      const { master } = bench;
      const sleeper = {
        ...task('t1', '1'),
        executor: own({ command: { uris: [], arguments: [], value: 'sleep 300' } }),
      };
      launch(sleeper);
      await master.untilState('t1', 'TASK_FAILED');
      expect(master.statuses('t1').at(-1)?.reason).toBe('REASON_EXECUTOR_REGISTRATION_TIMEOUT');
    });
  });

  test('T63: an agent that is emptied kills with the longest grace that is left', async () => {
    const { master } = bench;
    master.launch('t1', "trap '' TERM; echo ready; while :; do sleep 0.1; done", {
      killPolicy: { gracePeriod: nanoseconds(60_000) },
    });
    await bench.output('t1', /ready/);
    master.say({ $case: 'drain', value: { maxGracePeriodMs: 200n, markGone: false } });
    await master.untilState('t1', 'TASK_KILLED');
    expect(master.statuses('t1').at(-1)?.reason).toBe('REASON_AGENT_DRAINING');
  });
});

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
