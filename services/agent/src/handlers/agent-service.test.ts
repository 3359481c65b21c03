import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { credentials } from '@grpc/grpc-js';
import { callUnary, createLogger, noTracing, readConfig } from '@meseta/kit';
import { AgentServiceClient, LogStream, type ReadLogRequest, type ReadLogResponse } from '@meseta/protocol';
import { agentService } from '../config';
import { createAgentServer, type AgentServer } from '../server';
import { FakeMaster } from '../testdata/fake-master';

describe('what an agent tells of itself', () => {
  let workDir: string;
  let master: FakeMaster;
  let agent: AgentServer;
  let client: AgentServiceClient;
  const t1 = { frameworkId: { value: 'framework' }, taskId: { value: 't1' } };

  beforeAll(async () => {
    workDir = await mkdtemp(join(tmpdir(), 'meseta-agent-'));
    master = await FakeMaster.start();
    const argv = [
      '--master',
      master.address,
      '--work-dir',
      workDir,
      '--port=0',
      '--http-port=0',
      '--runtimes=process',
      '--hostname=h1',
    ];
    agent = await createAgentServer({
      config: readConfig(agentService, argv, {}),
      log: createLogger('agent', 'silent'),
      tracing: noTracing,
      onFatal: (error) => {
        throw error;
      },
    });
    client = new AgentServiceClient(agent.grpc, credentials.createInsecure());
    await master.until('registered', () => agent.isRegistered());
  });
  afterAll(async () => {
    client.close();
    await agent.unregister('the test is over');
    await agent.close();
    master.close();
    await rm(workDir, { recursive: true, force: true });
  });

  const sandbox = (): string => join(workDir, 'agents/agent-1/frameworks/framework/executors/t1/runs/latest');

  async function readLog(
    request: Partial<ReadLogRequest>,
    onPiece: (piece: ReadLogResponse) => void = () => undefined,
  ): Promise<string> {
    const stream = client.readLog({ ...t1, stream: LogStream.STDOUT, offset: 0n, follow: false, ...request });
    let text = '';
    for await (const piece of stream as AsyncIterable<ReadLogResponse>) {
      text += piece.data.toString();
      onPiece(piece);
    }
    return text;
  }

  test('a log is followed from the launch to the end of the task', async () => {
    const told = (file: string): string => `until [ -e ${file} ]; do sleep 0.02; done`;
    master.launch('t1', `echo one; ${told('1')}; echo two; ${told('2')}; echo three; echo wrong >&2; rm 1 2`);
    await master.untilState('t1', 'TASK_STARTING');
    const offsets: bigint[] = [];
    const read = readLog({ follow: true }, ({ offset }) => {
      offsets.push(offset);
      if (offsets.length < 3) writeFileSync(join(sandbox(), String(offsets.length)), '');
    });
    expect(await read).toBe('one\ntwo\nthree\n');
    expect(offsets).toEqual([0n, 4n, 8n]);
    await master.untilState('t1', 'TASK_FINISHED');
  });

  test('a log can be read after the task has ended, from anywhere', async () => {
    expect(await readLog({ offset: 4n })).toBe('two\nthree\n');
    expect(await readLog({ offset: -6n })).toBe('three\n');
    expect(await readLog({ stream: LogStream.STDERR, follow: true })).toBe('wrong\n');
  });

  test('tasks and containers are listed by where they stand', async () => {
    master.launch('t2', 'sleep 300');
    await master.untilState('t2', 'TASK_RUNNING');
    await agent.settle();
    const { tasks } = await callUnary(client.getTasks.bind(client), {});
    expect(tasks?.launchedTasks).toMatchObject([{ taskId: { value: 't2' }, state: 'TASK_RUNNING' }]);
    expect(tasks?.completedTasks).toMatchObject([{ taskId: { value: 't1' }, state: 'TASK_FINISHED' }]);
    const { containers } = await callUnary(client.getContainers.bind(client), {});
    expect(containers?.containers).toMatchObject([
      { executorId: { value: 't2' }, frameworkId: { value: 'framework' } },
    ]);
    const { executors } = await callUnary(client.getExecutors.bind(client), {});
    const infoOf = (id: string) => ({ executorInfo: { executorId: { value: id } } });
    expect(executors?.executors).toMatchObject([infoOf('t2')]);
    expect(executors?.completedExecutors).toMatchObject([infoOf('t1')]);
    const { frameworks } = await callUnary(client.getFrameworks.bind(client), {});
    expect([frameworks?.frameworks.length, frameworks?.completedFrameworks]).toEqual([1, []]);
    expect(await callUnary(client.getAgent.bind(client), {})).toMatchObject({
      agent: { agentInfo: { id: { value: 'agent-1' }, hostname: 'h1' } },
      runtimes: ['process'],
    });
    master.kill('t2', 0);
    await master.untilState('t2', 'TASK_KILLED');
    // Once the last update is acknowledged.
    const left = async () => (await callUnary(client.getFrameworks.bind(client), {})).frameworks;
    while ((await left())?.frameworks.length !== 0) await pause(20);
    expect((await left())?.completedFrameworks).toHaveLength(1);
  });

  test('files of a sandbox are listed and read', async () => {
    const { files } = await callUnary(client.listFiles.bind(client), { ...t1, path: '' });
    expect(files.map(({ path, size }) => [path, size])).toEqual([
      ['stderr', 6n],
      ['stdout', 14n],
    ]);
    const read = await callUnary(client.readFile.bind(client), {
      ...t1,
      path: 'stdout',
      offset: 4n,
      length: 3n,
    });
    expect([read.size, read.data.toString()]).toEqual([14n, 'two']);
  });

  test('nothing outside a sandbox is', async () => {
    await writeFile(join(workDir, 'secret'), 'secret');
    await symlink(join(workDir, 'secret'), join(sandbox(), 'link'));
    await symlink(workDir, join(sandbox(), 'folder'));
    for (const path of [
      'link',
      'folder/secret',
      '../latest/../../../../../../../../secret',
      '/etc/passwd',
      '..',
    ]) {
      await expect(
        callUnary(client.readFile.bind(client), { ...t1, path, offset: 0n, length: 0n }),
      ).rejects.toMatchObject({
        failure: { kind: 'denied' },
      });
    }
    await expect(callUnary(client.listFiles.bind(client), { ...t1, path: 'folder' })).rejects.toMatchObject({
      failure: { kind: 'denied' },
    });
  });

  test('what is not there is said not to be, and bad ids are refused', async () => {
    const read = (path: string, task = t1) =>
      callUnary(client.readFile.bind(client), { ...task, path, offset: 0n, length: 0n });
    await expect(read('nothing')).rejects.toMatchObject({
      failure: { kind: 'notFound', message: "'nothing' does not exist on this agent" },
    });
    await expect(read('stdout', { ...t1, taskId: { value: 'none' } })).rejects.toMatchObject({
      failure: { kind: 'notFound' },
    });
    await expect(read('stdout', { ...t1, taskId: { value: '../t1' } })).rejects.toMatchObject({
      failure: { kind: 'invalid', message: "task_id must not contain '/'" },
    });
    await expect(readLog({ taskId: { value: 'none' } })).rejects.toMatchObject({ code: 5 });
    await expect(readLog({ taskId: { value: '..' } })).rejects.toMatchObject({ code: 3 });
  });
});
