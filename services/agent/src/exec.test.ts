import { credentials } from '@grpc/grpc-js';
import { AgentServiceClient, type ExecRequest, type ExecResponse } from '@meseta/protocol';
import { AgentBench } from './testdata/agent-bench';

describe('a command beside a task', () => {
  let bench: AgentBench;
  let client: AgentServiceClient;
  beforeAll(async () => {
    bench = await AgentBench.open();
    client = new AgentServiceClient(bench.agent.grpc, credentials.createInsecure());
    bench.master.launch('t1', 'echo in the sandbox > file; echo ready; exec sleep 300', {
      command: {
        value: 'echo in the sandbox > file; echo ready; exec sleep 300',
        uris: [],
        arguments: [],
        environment: { variables: [{ name: 'COLOUR', value: "it's blue" }] },
      },
    });
    await bench.output('t1', /ready/);
    await bench.master.untilState('t1', 'TASK_RUNNING');
  });
  afterAll(async () => {
    client.close();
    await bench.close();
  });

  /** A conversation with a command. */
  function open(command: readonly string[], terminal?: { rows: number; columns: number }, taskId = 't1') {
    const stream = client.exec();
    const said = { stdout: '', stderr: '' };
    const say = (request: NonNullable<ExecRequest['request']>): void => void stream.write({ request });
    const status = new Promise<number>((resolve, reject) => {
      stream.on('data', ({ response }: ExecResponse) => {
        if (response?.$case === 'stdout') said.stdout += response.value.toString();
        else if (response?.$case === 'stderr') said.stderr += response.value.toString();
        else if (response?.$case === 'exitStatus') resolve(response.value);
      });
      stream.on('error', reject);
    });
    say({
      $case: 'start',
      value: {
        frameworkId: { value: 'framework' },
        taskId: { value: taskId },
        command: [...command],
        ...(terminal !== undefined && { terminal }),
      },
    });
    const until = async (wanted: RegExp): Promise<void> => {
      for (let tries = 0; !wanted.test(said.stdout); tries++) {
        if (tries > 400) throw new Error(`not said in time: ${wanted}; said: ${said.stdout}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    return { stream, say, said, status, until };
  }

  test('finds the sandbox, the environment and the processes of its task, and tells its status', async () => {
    const { said, status } = open([
      'sh',
      '-c',
      'cat file; echo "$COLOUR"; ps ax | grep -c "[s]leep 300"; echo bad >&2; exit 7',
    ]);
    expect(await status).toBe(7);
    expect(said).toEqual({ stdout: "in the sandbox\nit's blue\n1\n", stderr: 'bad\n' });
  });

  test('hears what is typed, and when that ends', async () => {
    const { say, said, status, until } = open(['cat']);
    say({ $case: 'stdin', value: Buffer.from('hello\n') });
    await until(/hello/);
    say({ $case: 'stdinEnd', value: {} });
    expect(await status).toBe(0);
    expect(said.stdout).toBe('hello\n');
  });

  test('has a terminal if that is wanted, whose size can change', async () => {
    const { say, said, status, until } = open(['sh'], { rows: 30, columns: 100 });
    say({ $case: 'stdin', value: Buffer.from('stty size; tty\n') });
    await until(/30 100/);
    say({ $case: 'windowSize', value: { rows: 50, columns: 120 } });
    // Nobody tells when it has changed.
    for (let tries = 0; tries < 50 && !said.stdout.includes('50 120'); tries++) {
      say({ $case: 'stdin', value: Buffer.from('stty size\n') });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(said.stdout).toContain('50 120');
    say({ $case: 'stdin', value: Buffer.from('exit 3\n') });
    expect(await status).toBe(3);
    expect(said.stdout).toMatch(/\/dev\/pts\//);
  });

  test('ends when nobody is there any more', async () => {
    const { stream, said, status, until } = open(['sh', '-c', 'echo here; exec sleep 4711']);
    const gone = status.catch((error: unknown) => error);
    await until(/here/);
    stream.cancel();
    await gone;
    for (let tries = 0; ; tries++) {
      const again = open(['sh', '-c', 'ps ax | grep -c "[s]leep 4711"; true']);
      await again.status;
      if (again.said.stdout === '0\n') break;
      if (tries > 50) throw new Error(`it runs on: ${said.stdout}`);
    }
  });

  test.each([
    [
      'a task that is not here',
      ['true'],
      'nobody',
      "task 'nobody' does not run in a container of this agent",
    ],
    ['nothing to run', [], 't1', 'command must not be empty'],
  ])('%s is refused', async (_, command, taskId, message) => {
    await expect(open(command, undefined, taskId).status).rejects.toThrow(message);
  });
});
