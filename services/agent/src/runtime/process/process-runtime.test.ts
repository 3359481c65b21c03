import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FakeClock } from '@meseta/testing';
import { isFailure, type ContainerId } from '@meseta/model';
import { createLogger, type Timers } from '@meseta/kit';
import { CapabilityInfo_Capability, type ContainerInfo } from '@meseta/protocol';
import { Bench, describeRuntime, type RuntimePlace } from '../behaviour';
import { createProcessRuntime } from './create';
import { readGroupFile } from '../cgroups/files';
import { closeInheritedFiles } from './inherited-files';
import { statOf } from './proc';

async function preparePlace(
  isolated = false,
  timers?: Timers,
): Promise<RuntimePlace & { readonly root: string }> {
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
        ...(timers !== undefined && { timers }),
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
  let clock: FakeClock;
  const output = (id: ContainerId, file = 'stdout'): Promise<string> =>
    readFile(join(place.root, id, file), 'utf8');

  beforeEach(async () => {
    clock = new FakeClock();
    place = await preparePlace(isolated, clock);
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

  (isolated ? asRoot : test.skip)('G42: effective capabilities lie within the bounding ones', async () => {
    const { CHOWN, KILL, SETUID } = CapabilityInfo_Capability;
    const container = (bounding: readonly CapabilityInfo_Capability[] | undefined): ContainerInfo => ({
      volumes: [],
      networkInfos: [],
      linuxInfo: {
        effectiveCapabilities: { capabilities: [CHOWN] },
        ...(bounding !== undefined && { boundingCapabilities: { capabilities: [...bounding] } }),
      },
    });
    const sets = async (bounding: readonly CapabilityInfo_Capability[] | undefined, user?: string) => {
      const id = await bench.start('grep -E "Cap(Eff|Bnd)" /proc/self/status', {
        container: container(bounding),
        user,
      });
      await bench.end(id);
      return (await output(id)).trim().replaceAll(/\t0*/g, ' ').split('\n');
    };
    // chown is bit 0, kill is bit 5.
    for (const user of [undefined, 'nobody']) {
      expect(await sets([CHOWN, KILL], user)).toEqual(['CapEff: 1', 'CapBnd: 21']);
      expect(await sets(undefined, user)).toEqual(['CapEff: 1', 'CapBnd: 1']);
    }
    await expect(sets([KILL, SETUID])).rejects.toMatchObject({
      failure: {
        kind: 'invalid',
        message: 'linux_info.effective_capabilities: capability CHOWN must be one of bounding_capabilities',
      },
    });
  });

  const megabyte = 1024 * 1024;

  asRoot(
    'G53: a program that takes more memory than it may is ended for it, and it is told how much that was',
    async () => {
      const limits = { cpuMilli: 100, memoryBytes: 32 * megabyte };
      const id = await bench.start('exec tail /dev/zero', { limits });
      const exit = await bench.end(id);
      expect(exit).toMatchObject({ kind: 'outOfMemory', limitBytes: 32 * megabyte });
      const used = 'usedBytes' in exit ? exit.usedBytes : undefined;
      // Version 2 tells since Linux 5.19.
      if (used !== undefined) expect(Math.round(used / megabyte)).toBe(32);
    },
  );

  asRoot(
    'G53: one that lives on without the part that took too much fails later for its own reason',
    async () => {
      const limits = { cpuMilli: 100, memoryBytes: 32 * megabyte };
      const id = await bench.start(
        'tail /dev/zero; echo ready; while ! [ -e go ]; do sleep 0.1; done; exit 3',
        {
          limits,
        },
      );
      await bench.ready(id);
      clock.advance(10_000);
      await writeFile(join(place.root, id, 'go'), '');
      expect(await bench.end(id)).toEqual({ kind: 'exited', status: 3 });
    },
  );

  asRoot('G53: one that fails right after is told that memory was the reason', async () => {
    const limits = { cpuMilli: 100, memoryBytes: 32 * megabyte };
    const id = await bench.start('tail /dev/zero || exit 3', { limits });
    expect(await bench.end(id)).toMatchObject({ kind: 'outOfMemory' });
  });

  asRoot('E21, G36, R64: what it may use grows, shrinks and is without bound as it is told', async () => {
    const id = await bench.start('sleep 60', { limits: { cpuMilli: 100 } });
    const [pid] = bench.runtime.processesOf?.(id) ?? [];
    const bounds = async (more: { memoryBytes?: number; cpuQuotaMilli?: number }) => {
      await bench.runtime.update(id, { cpuMilli: 100, ...more });
      return [(await bench.runtime.usage(id))?.memoryLimitBytes, quotaOf(pid ?? 0)];
    };
    expect(await bounds({})).toEqual([undefined, undefined]);
    expect(await bounds({ memoryBytes: 64 * megabyte, cpuQuotaMilli: 500 })).toEqual([64 * megabyte, 50_000]);
    expect(await bounds({ memoryBytes: 128 * megabyte, cpuQuotaMilli: 900 })).toEqual([
      128 * megabyte,
      90_000,
    ]);
    expect(await bounds({ memoryBytes: 32 * megabyte, cpuQuotaMilli: 100 })).toEqual([32 * megabyte, 10_000]);
    expect(await bounds({})).toEqual([undefined, undefined]);
  });

  asRoot('G53: a limit below what it uses does not end it, and is set when it uses less', async () => {
    const id = await bench.start(
      'head -c 50000000 /dev/zero >/dev/shm/held.$$; echo ready; while ! [ -e go ]; do sleep 0.1; done; rm /dev/shm/held.$$; echo rm; sleep 60',
      { limits: { cpuMilli: 100, memoryBytes: 128 * megabyte } },
    );
    await bench.ready(id);
    const limit = async () => (await bench.runtime.usage(id))?.memoryLimitBytes;
    await bench.runtime.update(id, { cpuMilli: 100, memoryBytes: 32 * megabyte });
    expect(await limit()).toBe(128 * megabyte);
    await writeFile(join(place.root, id, 'go'), '');
    while (!(await output(id)).includes('rm')) await pause(20);
    clock.advance(5_000);
    expect([await limit(), bench.ends.has(id)]).toEqual([32 * megabyte, false]);
  });
});

/** The cpu that the control group of a process may use in a period. Microseconds; undefined without bound. */
function quotaOf(pid: number): number | undefined {
  for (const line of (readGroupFile(`/proc/${pid}/cgroup`) ?? '').trim().split('\n')) {
    const [, controllers = '', path = ''] = line.split(':');
    const isV1 = controllers.split(',').includes('cpu');
    if (!isV1 && controllers !== '') continue;
    const found = isV1
      ? readGroupFile(join('/sys/fs/cgroup/cpu', path, 'cpu.cfs_quota_us'))
      : readGroupFile(join('/sys/fs/cgroup', path, 'cpu.max'));
    if (found === undefined) continue;
    const quota = Number(found.split(' ')[0]);
    return quota > 0 ? quota : undefined;
  }
  return undefined;
}
