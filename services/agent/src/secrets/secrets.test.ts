import { access, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { credentials } from '@grpc/grpc-js';
import { callUnary } from '@meseta/kit';
import { AgentServiceClient, TaskInfo } from '@meseta/protocol';
import { agentNameOf } from '../runtime/create';
import { AgentBench } from '../testdata/agent-bench';

/** Only root can keep files in memory for others. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;

suite('secrets of tasks', () => {
  let bench: AgentBench;
  let store: string;
  beforeAll(async () => {
    store = await mkdtemp(join(tmpdir(), 'meseta-secrets-'));
    await writeFile(join(store, 'password'), 'correct horse');
    bench = await AgentBench.open(['--secret-directory', store]);
  });
  afterAll(async () => {
    await bench.close();
    await rm(store, { recursive: true, force: true });
  });

  const kept = (): string => join('/run/meseta', agentNameOf(bench.workDir), 'secrets');
  const value = (text: string) => ({
    type: 'VALUE',
    value: { data: Buffer.from(text).toString('base64') },
  });
  const task = (command: string, more: { secret?: object; volumes?: object[]; user?: string }) => {
    const { command: described, container } = TaskInfo.fromJSON({
      command: {
        value: command,
        ...(more.user !== undefined && { user: more.user }),
        environment: {
          variables:
            more.secret === undefined ? [] : [{ name: 'SECRET', type: 'SECRET', secret: more.secret }],
        },
      },
      container: {
        type: 'MESOS',
        volumes: (more.volumes ?? []).map((secret, i) => ({
          mode: 'RO',
          containerPath: `keys/key-${i}`,
          source: { type: 'SECRET', secret },
        })),
      },
    });
    return { command: described, container };
  };

  test('are in its environment, and in nothing that shows the task', async () => {
    bench.master.launch(
      't1',
      '',
      task('echo "it is $SECRET"; exec sleep 300', { secret: value('open sesame') }),
    );
    expect(await bench.output('t1', /it is/)).toBe('it is open sesame\n');
    const client = new AgentServiceClient(bench.agent.grpc, credentials.createInsecure());
    const { tasks } = await callUnary(client.getTasks.bind(client), {});
    client.close();
    const shown = JSON.stringify(tasks, (_, held: unknown) =>
      typeof held === 'bigint' ? String(held) : held,
    );
    expect(shown).toContain('"t1"');
    expect(shown).not.toContain(Buffer.from('open sesame').toString('base64'));
    expect(shown).not.toContain('open sesame');
    bench.master.kill('t1', 0);
  });

  test('are looked up where it starts', async () => {
    const secret = { type: 'REFERENCE', reference: { name: 'password' } };
    bench.master.launch('t2', '', task('echo "it is $SECRET"', { secret }));
    expect(await bench.output('t2', /it is/)).toBe('it is correct horse\n');
    bench.master.launch(
      't3',
      '',
      task('true', { secret: { type: 'REFERENCE', reference: { name: 'none' } } }),
    );
    await bench.master.untilState('t3', 'TASK_FAILED');
    expect(bench.master.statuses('t3').at(-1)).toMatchObject({
      message: "secret 'none' cannot be read: there is none",
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    });
  });

  test('are files that only its user can read, in memory alone, and gone with it', async () => {
    const volumes = [value('first\n'), { type: 'REFERENCE', reference: { name: 'password' } }];
    const command =
      'cat keys/key-0 keys/key-1; stat -c " %a %U" keys/key-0; (echo x > keys/key-1) 2>&1; exec sleep 300';
    bench.master.launch('t4', '', task(command, { volumes, user: 'nobody' }));
    const said = await bench.output('t4', /keys\/key-1: /);
    expect(said).toMatch(/^first\ncorrect horse 400 nobody\n/);
    expect(said).toMatch(/Read-only file system|Permission denied/);
    // Outside there is only the place at which it was mounted.
    expect(await readFile(bench.sandbox('t4', 'keys', 'key-0'), 'utf8')).toBe('');
    expect(await readdir(kept())).toHaveLength(1);
    await bench.restart(['--secret-directory', store]);
    expect(await readdir(kept())).toHaveLength(1);
    bench.master.kill('t4', 0);
    await bench.master.untilState('t4', 'TASK_KILLED');
    // The file system goes with the last of them.
    const isMounted = async (): Promise<boolean> => (await readFile('/proc/mounts', 'utf8')).includes(kept());
    for (let tries = 0; (await readdir(kept())).length > 0 || (await isMounted()); tries++) {
      if (tries === 200) throw new Error('the secrets of a task that has ended are still there');
      await pause(20);
    }
  });

  test('cannot be put outside the sandbox', async () => {
    const { command, container } = task('true', { volumes: [value('x')] });
    const volumes = (container?.volumes ?? []).map((volume) => ({ ...volume, containerPath: '../../key' }));
    bench.master.launch('t5', '', { command, container: { ...container, volumes, networkInfos: [] } });
    await bench.master.untilState('t5', 'TASK_FAILED');
    expect(bench.master.statuses('t5').at(-1)?.message).toBe(
      "container_path '../../key' must lie in the sandbox",
    );
    await expect(access(join(bench.sandbox('t5'), '../../key'))).rejects.toThrow('ENOENT');
  });
});
