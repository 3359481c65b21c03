import { credentials, Metadata, status as code, type ClientReadableStream } from '@grpc/grpc-js';
import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { callUnary } from '@meseta/kit';
import {
  ExecutorInfo_Type,
  ExecutorServiceClient,
  TaskState,
  TaskStatus_Source,
  executor as v1,
  type ExecutorServiceSubscribeResponse,
  type TaskInfo,
  type TaskStatus,
} from '@meseta/protocol';
import { AgentBench } from '../testdata/agent-bench';
import { executorInfo, taskInfo } from '../testdata/fake-master';

/** What an executor in any language does: it knows its environment and the service, and nothing of the SDK. */
class RawExecutor {
  readonly events: v1.Event[] = [];
  readonly ended: Promise<number>;
  private readonly stream: ClientReadableStream<ExecutorServiceSubscribeResponse>;

  constructor(client: ExecutorServiceClient, id: string, token: string | undefined) {
    const subscribe = { unacknowledgedTasks: [], unacknowledgedUpdates: [] };
    this.stream = client.subscribe({ ...namesOf(id), subscribe }, shown(token));
    this.stream.on('data', ({ events }: ExecutorServiceSubscribeResponse) => this.events.push(...events));
    this.ended = new Promise((resolve) => {
      this.stream.on('error', (error: { code?: number }) => resolve(error.code ?? -1));
      this.stream.on('end', () => resolve(code.OK));
    });
  }

  of(type: v1.Event_Type): readonly v1.Event[] {
    return this.events.filter((event) => event.type === type);
  }

  leave(): void {
    this.stream.cancel();
  }
}

function namesOf(id: string) {
  return { frameworkId: { value: 'framework' }, executorId: { value: id } };
}

function shown(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

describe('the service that executors call', () => {
  let bench: AgentBench;
  let client: ExecutorServiceClient;
  beforeEach(async () => {
    bench = await AgentBench.open();
    client = new ExecutorServiceClient(bench.agent.grpc, credentials.createInsecure());
  });
  afterEach(async () => {
    client.close();
    await bench.close();
  });

  /** Lets the agent start a program as an executor that does nothing. @returns its token */
  async function started(id: string, taskId = `${id}-task`): Promise<string> {
    const command = {
      uris: [],
      arguments: [],
      value: 'echo "token $MESOS_EXECUTOR_AUTHENTICATION_TOKEN"; exec sleep 300',
    };
    const executor = executorInfo(id, { type: ExecutorInfo_Type.CUSTOM, command });
    const { command: _, ...task } = taskInfo(taskId, '', { executor });
    bench.master.launch(taskId, '', { ...task, command: undefined });
    const said = await bench.output(id, /token \S+\n/);
    return said.split(' ')[1]?.trim() ?? '';
  }

  const update = (id: string, token: string | undefined, told: Partial<TaskStatus>): Promise<unknown> => {
    const status: TaskStatus = {
      taskId: { value: `${id}-task` },
      state: TaskState.TASK_RUNNING,
      uuid: randomBytes(16),
      source: TaskStatus_Source.EXECUTOR,
      ...told,
    };
    const request = { ...namesOf(id), updates: [{ status }] };
    return callUnary(client.update.bind(client), request, { metadata: shown(token) });
  };

  const until = (what: string, isSo: () => boolean): Promise<void> => bench.master.until(what, isSo);

  test('E5, E10, E11: who subscribes is told who it is, and gets its tasks; the last one counts', async () => {
    const token = await started('one');
    const first = new RawExecutor(client, 'one', token);
    await until('it has its task', () => first.of(v1.Event_Type.LAUNCH).length === 1);
    expect(first.events[0]).toMatchObject({
      type: v1.Event_Type.SUBSCRIBED,
      subscribed: {
        executorInfo: { executorId: { value: 'one' } },
        frameworkInfo: { id: { value: 'framework' } },
        agentInfo: { id: { value: 'agent-1' } },
        containerId: { value: expect.stringMatching(/-/) },
      },
    });
    const info: TaskInfo | undefined = first.of(v1.Event_Type.LAUNCH)[0]?.launch?.task;
    expect(info?.taskId?.value).toBe('one-task');
    const second = new RawExecutor(client, 'one', token);
    await until('the second is subscribed', () => second.events.length > 0);
    expect(await first.ended).not.toBeUndefined();
    second.leave();
  });

  test('E6, E7, E13: what it tells is checked, passed on and acknowledged', async () => {
    const token = await started('one');
    const executor = new RawExecutor(client, 'one', token);
    await until('it has its task', () => executor.of(v1.Event_Type.LAUNCH).length === 1);
    const wrong: readonly [Partial<TaskStatus>, string][] = [
      [{ uuid: Buffer.from('short') }, 'status.uuid must be of 16 bytes'],
      [{ uuid: undefined }, 'status.uuid must be of 16 bytes'],
      [{ source: TaskStatus_Source.MASTER }, 'status.source must be SOURCE_EXECUTOR'],
      [{ source: undefined }, 'status.source must be SOURCE_EXECUTOR'],
      [{ state: TaskState.TASK_STAGING }, 'status.state must be one that an executor may tell'],
      [{ executorId: { value: 'two' } }, 'status.executor_id must be the executor that calls'],
    ];
    for (const [told, message] of wrong)
      await expect(update('one', token, told)).rejects.toMatchObject({
        failure: { kind: 'invalid', message },
      });
    const uuid = randomBytes(16);
    await update('one', token, { uuid, message: 'here I am' });
    await bench.master.untilState('one-task', 'TASK_RUNNING');
    expect(bench.master.statuses('one-task').at(-1)).toMatchObject({ message: 'here I am', uuid });
    await until('it is acknowledged', () => executor.of(v1.Event_Type.ACKNOWLEDGED).length === 1);
    expect(executor.of(v1.Event_Type.ACKNOWLEDGED)[0]?.acknowledged?.uuid).toEqual(uuid);
    const messages = [{ data: Buffer.from('hello') }];
    const metadata = shown(token);
    await callUnary(client.message.bind(client), { ...namesOf('one'), messages }, { metadata });
    await until('its message is there', () => bench.master.executorMessages.length === 1);
    const tooLong = [{ data: Buffer.alloc(1024 * 1024 + 1) }];
    await expect(
      callUnary(client.message.bind(client), { ...namesOf('one'), messages: tooLong }, { metadata }),
    ).rejects.toMatchObject({ failure: { kind: 'invalid' } });
    executor.leave();
  });

  test('E3: nobody is not on this agent, and who has not subscribed tells nothing', async () => {
    const token = await started('one');
    await expect(update('none', token, {})).rejects.toMatchObject({
      failure: { kind: 'notFound', message: "executor 'none' of framework 'framework' is not on this agent" },
    });
    expect(await new RawExecutor(client, 'none', token).ended).toBe(code.NOT_FOUND);
    await expect(update('one', token, {})).rejects.toMatchObject({
      failure: { kind: 'conflict', message: 'the executor is not subscribed' },
    });
  });

  test('E4, X6: only the executor itself is believed', async () => {
    const [one, two] = [await started('one'), await started('two')];
    const executor = new RawExecutor(client, 'one', one);
    await until('it is subscribed', () => executor.events.length > 0);
    const claims = jwt.decode(one) as jwt.JwtPayload;
    expect(claims).toEqual({ fid: 'framework', eid: 'one', cid: expect.stringMatching(/^[\w-]{36}$/) });
    const notIts = 'the token is not one of this agent’s';
    const strangers: readonly [string | undefined, string][] = [
      [
        undefined,
        "the executor must show its MESOS_EXECUTOR_AUTHENTICATION_TOKEN in the metadata authorization, as 'Bearer <token>'",
      ],
      [two, 'the token is that of another executor'],
      ['nonsense', notIts],
      [jwt.sign(claims, 'a key of their own'), notIts],
      [jwt.sign(claims, '', { algorithm: 'none' }), notIts],
    ];
    for (const [token, message] of strangers) {
      await expect(update('one', token, {})).rejects.toMatchObject({ failure: { kind: 'denied', message } });
      expect(await new RawExecutor(client, 'one', token).ended).toBe(code.PERMISSION_DENIED);
    }
    // None of them took its place.
    await update('one', one, {});
    await bench.master.untilState('one-task', 'TASK_RUNNING');
    // An agent that comes back knows its executors by the same tokens.
    await bench.restart();
    const again = new RawExecutor(client, 'one', one);
    await until('it is subscribed again', () => again.events.length > 0);
    again.leave();
    await bench.restart(['--authenticate-executors=false']);
    const anyone = new RawExecutor(client, 'one', undefined);
    await until('anyone is', () => anyone.events.length > 0);
    anyone.leave();
  });
});
