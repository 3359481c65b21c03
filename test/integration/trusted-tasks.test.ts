import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ServiceProcess } from '@meseta/cli';
import { TaskInfo } from '@meseta/protocol';
import { connect, type Scheduler, type Task } from '@meseta/sdk';
import { Rig, eventually, meseta, offerWith, repository } from './harness';

// What an agent does for tasks and to them, through processes and as a user sees it. Isolation needs root.

const suite = process.getuid?.() === 0 ? describe : describe.skip;

suite('tasks of other people', () => {
  const rig = new Rig();
  const store = join(rig.folder, 'secrets');
  const profiles = join(rig.folder, 'profiles');
  let master: string;
  let agent: ServiceProcess;
  let scheduler: Scheduler | undefined;

  beforeAll(async () => {
    for (const folder of [store, profiles]) mkdirSync(folder);
    writeFileSync(join(store, 'password'), 'correct horse');
    writeFileSync(
      join(profiles, 'no-mkdir'),
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
      }),
    );
    const registry = await rig.start('registry', ['--store', 'memory']);
    const allocator = await rig.start('allocator', []);
    const leader = await rig.start('master', ['--registry', registry.grpc, '--allocator', allocator.grpc]);
    master = leader.grpc;
    agent = await rig.start('agent', [
      ...['--master', master, '--work-dir', join(rig.folder, 'agent'), '--resources', 'cpus:4;mem:2048'],
      ...['--runtimes', 'process', '--launch-progress-interval', '100ms'],
      ...['--secret-directory', store, '--seccomp-config-directory', profiles],
    ]);
  }, 60_000);
  afterAll(() => rig.stop(), 60_000);
  // One that stays would hold the offers of the next one.
  afterEach(async () => {
    await scheduler?.teardown();
    scheduler = undefined;
  });

  async function launch(name: string, command: string, json: object = {}): Promise<Task> {
    scheduler ??= await connect({ master, framework: { name: 'others', role: 'others' } });
    const offer = await offerWith(scheduler, 'cpus:0.1;mem:64');
    const { command: described, container } = TaskInfo.fromJSON(json);
    const info = {
      ...(described !== undefined && { command: { ...described, value: command } }),
      ...(container !== undefined && { container }),
    };
    const [task] = await offer.launch([{ name, id: name, command, resources: 'cpus:0.1;mem:64', info }]);
    if (task === undefined) throw new Error('nothing was launched');
    return task;
  }
  const logs = async (id: string): Promise<string> => (await meseta(['logs', id], master)).stdout;

  /** Runs the command line with somebody who types. */
  function typing(args: readonly string[], typed: string): Promise<{ code: number | null; stdout: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [join(repository, 'bin/meseta'), ...args], {
        env: { ...process.env, MESETA_MASTER: master },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let stdout = '';
      child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, stdout }));
      child.stdin.end(typed);
    });
  }

  test('an agent says what keeps its tasks apart', async () => {
    const { stdout } = await meseta(['agents', '-o', 'json'], master);
    expect(stdout).toMatch(/"process_isolation"[^}]*"text": *\{[^}]*"namespaces"/s);
  }, 60_000);

  test('a secret reaches its task and shows nowhere', async () => {
    const secret = { type: 'REFERENCE', reference: { name: 'password' } };
    const value = { type: 'VALUE', value: { data: Buffer.from('open sesame').toString('base64') } };
    await launch('keeper', 'echo "$PASSWORD"; cat key; exec sleep 600', {
      command: { environment: { variables: [{ name: 'PASSWORD', type: 'SECRET', secret }] } },
      container: {
        type: 'MESOS',
        volumes: [{ mode: 'RO', containerPath: 'key', source: { type: 'SECRET', secret: value } }],
      },
    });
    await eventually('it has them', async () => (await logs('keeper')) === 'correct horse\nopen sesame');
    const shown = await Promise.all(
      [['task', 'keeper'], ['state'], ['tasks']].map((words) => meseta([...words, '-o', 'json'], master)),
    );
    for (const { stdout } of shown) {
      expect(stdout).toContain('keeper');
      expect(stdout).not.toContain('correct horse');
      expect(stdout).not.toContain(Buffer.from('open sesame').toString('base64'));
    }
  }, 60_000);

  test('a profile of seccomp holds for a task and for what is run beside it', async () => {
    await launch('held', 'mkdir sub; echo "status $?"; exec sleep 600', {
      container: { type: 'MESOS', linuxInfo: { seccomp: { profileName: 'no-mkdir' } } },
    });
    await eventually('it was refused', async () => (await logs('held')).includes('status 1'));
    const { code, stdout } = await meseta(
      ['exec', 'held', '--', 'sh', '-c', 'mkdir other 2>&1; exit 5'],
      master,
    );
    expect([code, stdout]).toEqual([5, expect.stringContaining('Operation not permitted')]);
  }, 60_000);

  test('a terminal is typed to with attach', async () => {
    const shell = meseta(['run', '-t', '--name', 'shell', 'PS1="> " exec sh'], master);
    await eventually('it waits', async () => (await logs('shell')).includes('> '), 30_000);
    const { code, stdout } = await typing(
      ['attach', '-i', 'shell'],
      'echo $((6 * 7)); test -t 0 && exit 4\n',
    );
    expect([code, stdout]).toEqual([0, expect.stringMatching(/42\r\n/)]);
    expect((await shell).code).not.toBe(0);
    const { stdout: listed } = await meseta(['tasks', '-o', 'json'], master);
    expect(listed).toContain('Command exited with status 4');
  }, 60_000);

  test('how far a fetch has come is in the status of its task', async () => {
    let go = false;
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-length': 8 * 1024 * 1024 });
      const send = (): void => {
        response.write(Buffer.alloc(1024));
        if (!go) setTimeout(send, 20);
        else response.destroy();
      };
      response.write(Buffer.alloc(2 * 1024 * 1024));
      send();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const task = await launch('fetcher', 'true', {
      command: { uris: [{ value: `http://127.0.0.1:${port}/big` }] },
    });
    await eventually('it is told', async () =>
      /fetching URI 1 of 1: 3 of 8 MB/.test((await meseta(['task', 'fetcher'], master)).stdout),
    );
    go = true;
    await task.finished();
    expect((await meseta(['task', 'fetcher'], master)).stdout).toMatch(
      /FAILED +CONTAINER_LAUNCH_FAILED +URI .* could not be had/,
    );
    server.close();
  }, 60_000);

  test('its files and its figures are read over HTTP', async () => {
    await launch('writer', 'echo written; exec sleep 600');
    await eventually('it has written', async () => (await logs('writer')) === 'written\n');
    const get = async (path: string): Promise<string> => (await fetch(`http://${agent.http}${path}`)).text();
    const running = JSON.parse(await get('/containers')) as { framework_id: string; executor_id: string }[];
    const entry = running.find(({ executor_id: id }) => id === 'writer');
    const runs = `/frameworks/${entry?.framework_id ?? ''}/executors/writer/runs/latest`;
    expect(await get(`/files/download?path=${runs}/stdout`)).toBe('written\n');
    expect(await get(`/files/browse?path=${runs}`)).toContain(`${runs}/stdout`);
    expect(await get('/metrics')).toMatch(/meseta_agent_container_memory_bytes\{.*executor_id="writer"/);
  }, 60_000);
});
