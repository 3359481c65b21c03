import { credentials } from '@grpc/grpc-js';
import { AgentServiceClient, TaskInfo, type AttachRequest, type AttachResponse } from '@meseta/protocol';
import { AgentBench } from './testdata/agent-bench';

/** Terminals need control groups, and those need root. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;

jest.setTimeout(30_000);

suite('a task with a terminal', () => {
  let bench: AgentBench;
  let client: AgentServiceClient;
  const connect = (): void => {
    client = new AgentServiceClient(bench.agent.grpc, credentials.createInsecure());
  };
  beforeEach(async () => {
    bench = await AgentBench.open();
    connect();
  });
  afterEach(async () => {
    client.close();
    await bench.close();
  });

  async function launch(id: string, command: string, ttyInfo?: object): Promise<void> {
    const described = TaskInfo.fromJSON({
      command: { value: command, environment: { variables: [{ name: 'COLOUR', value: "it's blue" }] } },
      container: { type: 'MESOS', ...(ttyInfo !== undefined && { ttyInfo }) },
    });
    bench.master.launch(id, '', { command: described.command, container: described.container });
    await bench.master.untilState(id, 'TASK_RUNNING');
    await bench.agent.settle();
  }

  function attach(taskId: string, terminal?: { rows: number; columns: number }) {
    const stream = client.attach();
    let said = '';
    const type = (text: string): void =>
      void stream.write({
        request: { $case: 'stdin', value: Buffer.from(text) } satisfies AttachRequest['request'],
      });
    const done = new Promise<void>((resolve, reject) => {
      stream.on('data', ({ response }: AttachResponse) => (said += response?.value.toString() ?? ''));
      stream.on('end', resolve);
      stream.on('error', reject);
    });
    done.catch(() => undefined);
    const names = { frameworkId: { value: 'framework' }, taskId: { value: taskId } };
    stream.write({
      request: { $case: 'start', value: { ...names, ...(terminal !== undefined && { terminal }) } },
    });
    const until = async (wanted: RegExp): Promise<string> => {
      for (let tries = 0; !wanted.test(said); tries++) {
        if (tries > 400) throw new Error(`not said in time: ${wanted}; said: ${said}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return said;
    };
    const typeUntil = async (text: string, wanted: RegExp): Promise<void> => {
      for (let tries = 0; !wanted.test(said); tries++) {
        if (tries > 50) throw new Error(`not said in time: ${wanted}; said: ${said}`);
        type(text);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    };
    return { stream, type, typeUntil, until, done };
  }

  test('has one of the size that was asked for, and its output in its sandbox', async () => {
    const size = { windowSize: { rows: 33, columns: 101 } };
    await launch('t1', 'test -t 0 && test -t 1 && stty size; echo "$COLOUR"; exit 3', size);
    expect(await bench.output('t1', /blue/)).toBe("33 101\r\nit's blue\r\n");
    await bench.master.untilState('t1', 'TASK_FAILED');
    expect(bench.master.statuses('t1').at(-1)?.message).toBe('Command exited with status 3');
  });

  test('is typed to, even by two, and after a restart of the agent', async () => {
    await launch(
      't2',
      'while read -r line; do echo "got $line"; [ "$line" = end ] && exit 0; stty size; done',
      {},
    );
    const first = attach('t2', { rows: 40, columns: 90 });
    first.type('one\n');
    expect(await first.until(/got one\r\n40 90/)).toContain('one\r\n');
    const second = attach('t2');
    second.stream.write({ request: { $case: 'windowSize', value: { rows: 50, columns: 120 } } });
    // Nobody tells when the size has changed.
    await second.typeUntil('two\n', /got two\r\n50 120/);
    await first.until(/got two/);
    first.stream.cancel();
    client.close();
    await bench.restart();
    connect();
    const third = attach('t2');
    third.type('end\n');
    await third.until(/got end/);
    await third.done;
    await bench.master.untilState('t2', 'TASK_FINISHED');
  });

  test('is asked to end as any other, and has its grace', async () => {
    await launch(
      't3',
      "trap 'sleep 3; echo clean; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
      {},
    );
    await bench.output('t3', /ready/);
    bench.master.kill('t3', 20_000);
    await bench.output('t3', /clean/);
    await bench.master.untilState('t3', 'TASK_KILLED');
  }, 20_000);

  test('what is typed to one without is refused; what it prints is told', async () => {
    await launch('t4', 'while :; do echo loud; echo wrong >&2; sleep 0.1; done');
    const one = attach('t4');
    await one.until(/loud/);
    one.type('hello\n');
    await expect(one.done).rejects.toThrow('the task has no terminal: it was launched without tty_info');
    await expect(attach('nobody').done).rejects.toThrow(
      "task 'nobody' does not run in a container of this agent",
    );
  });
});
