import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFailure, type ContainerId } from '@meseta/model';
import { createLogger } from '@meseta/kit';
import { Bench, describeRuntime, type RuntimePlace } from '../behaviour';
import { createProcessRuntime } from './create';
import { closeInheritedFiles } from './inherited-files';
import { statOf } from './proc';

async function preparePlace(isolated = false): Promise<RuntimePlace & { readonly root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'meseta-process-'));
  return {
    root,
    create: async (onEnd) => {
      const runtime = await createProcessRuntime({
        directory: join(root, 'runs'),
        agentName: root.slice(-6),
        ...(isolated && {
          isolate: { workDir: root, readOnlyRoot: true, dockerSocket: '/var/run/docker.sock' },
        }),
        onEnd,
        log: createLogger('agent', 'silent'),
      });
      if (isFailure(runtime)) throw new Error(runtime.message);
      return runtime;
    },
    sandbox: async (containerId) => {
      const sandbox = join(root, containerId);
      await mkdir(sandbox, { recursive: true });
      return sandbox;
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

describeRuntime('process', () => preparePlace());
if (process.getuid?.() === 0) describeRuntime('process, isolated', () => preparePlace(true));

describe.each(process.getuid?.() === 0 ? [false, true] : [false])('processes, isolated: %s', (isolated) => {
  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  let place: Awaited<ReturnType<typeof preparePlace>>;
  let bench: Bench;
  const output = (id: ContainerId, file = 'stdout'): Promise<string> =>
    readFile(join(place.root, id, file), 'utf8');

  beforeEach(async () => {
    place = await preparePlace(isolated);
    bench = await Bench.open(place);
  });
  afterEach(() => bench.remove());

  test('a task finds its own environment and nothing of the agent', async () => {
    process.env['AGENT_SECRET'] = 'do not tell';
    const id = await bench.start('env | sort', {
      environment: new Map([
        ['PATH', '/usr/bin:/bin'],
        ['A', "it's\n$HOME `x`"],
      ]),
    });
    expect(await bench.end(id)).toEqual({ kind: 'exited', status: 0 });
    const names = (await output(id)).split('\n').filter((line) => line.includes('='));
    expect(names.filter((line) => !line.startsWith('PWD='))).toEqual(["A=it's", 'PATH=/usr/bin:/bin']);
    delete process.env['AGENT_SECRET'];
  });

  test('a task has its standard files and no others', async () => {
    closeInheritedFiles();
    const id = await bench.start('ls /proc/self/fd; cat; echo err >&2');
    await bench.end(id);
    // ls itself opens the directory that it lists, as 3.
    expect((await output(id)).trim().split('\n')).toEqual(['0', '1', '2', '3']);
    expect(await output(id, 'stderr')).toBe('err\n');
  });

  test('without a shell the arguments arrive as they were given, the first as the name', async () => {
    const sandbox = await place.sandbox('argv' as ContainerId);
    await bench.startAs('argv' as ContainerId, {
      uris: [],
      shell: false,
      value: '/usr/bin/printf',
      arguments: ['printf', '<%s>', 'two words', "it's", ''],
    });
    await bench.end('argv' as ContainerId);
    expect(await readFile(join(sandbox, 'stdout'), 'utf8')).toBe("<two words><it's><>");
  });

  test('a task is in a session of its own, which is not its supervisor’s', async () => {
    const id = await bench.start('cut -d" " -f1,5,6 /proc/self/stat; echo $$');
    await bench.end(id);
    const [stat, shell] = (await output(id)).trim().split('\n');
    const [, group, session] = (stat ?? '').split(' ');
    expect([group, session]).toEqual([shell, shell]);
    expect(session).not.toBe(String(statOf(process.pid)?.session));
  });

  test('SIGINT is not ignored, as it would be in the background of a shell', async () => {
    const id = await bench.start('grep SigIgn /proc/self/status');
    await bench.end(id);
    // SIGINT is 2 and SIGQUIT is 3: the second and the third bit. What this test itself inherited of others is not the agent's.
    const ignored = BigInt(`0x${/[0-9a-f]+$/.exec((await output(id)).trim())?.[0] ?? 'f'}`);
    expect(ignored & 0b110n).toBe(0n);
  });

  test('what a task leaves running ends with it', async () => {
    // Found by what they run: in a namespace of its own a task does not know the machine's numbers.
    const seconds = `86${String(process.pid).padStart(6, '0')}`;
    const id = await bench.start(`sleep ${seconds} & setsid sleep ${seconds} & sleep 0.1`);
    await bench.end(id);
    const running = async (): Promise<string[]> => {
      const lines = await Promise.all(
        (await readdir('/proc')).map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
      );
      return lines.filter((line) => line.includes(seconds));
    };
    // Only root has control groups, by which what has left the session is found as well.
    expect(await running()).toHaveLength(process.getuid?.() === 0 ? 0 : 1);
  });

  test('a name that a shell cannot hold is refused, and so is an unknown user', async () => {
    await expect(bench.start('true', { environment: new Map([['a.b', '1']]) })).rejects.toMatchObject({
      failure: { message: "environment variable 'a.b' must consist of letters, digits and underscores" },
    });
    await expect(bench.start('true', { user: 'no-such-user' })).rejects.toMatchObject({
      failure: { kind: expect.stringMatching('invalid|denied') },
    });
    expect((await readdir(join(place.root, 'runs'))).filter((name) => !name.endsWith('.void'))).toEqual([]);
  });

  test('a long command and a long environment arrive whole', async () => {
    const long = 'x'.repeat(100_000);
    const id = await bench.start(`: ${'y'.repeat(50_000)}; printf %s "$LONG"`, {
      environment: new Map([
        ['PATH', '/bin'],
        ['LONG', long],
      ]),
    });
    await bench.end(id);
    expect(await output(id)).toBe(long);
  });

  asRoot('a task runs as the user that it asked for, in a sandbox of that user', async () => {
    const id = await bench.start('id -un; touch here; echo "$A"', {
      user: 'nobody',
      environment: new Map([
        ['PATH', '/usr/bin:/bin'],
        ['A', 'b c'],
      ]),
    });
    expect(await bench.end(id)).toEqual({ kind: 'exited', status: 0 });
    expect(await output(id)).toBe('nobody\nb c\n');
  });

  asRoot('a program that takes more memory than it may is ended for it', async () => {
    const id = await bench.start('exec tail /dev/zero', {
      limits: { cpuMilli: 100, memoryBytes: 32 * 1024 * 1024 },
    });
    expect(await bench.end(id)).toEqual({ kind: 'outOfMemory', limitBytes: 32 * 1024 * 1024 });
  });
});
