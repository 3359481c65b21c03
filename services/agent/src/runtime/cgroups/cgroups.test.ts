import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { containerId } from '@meseta/model';
import { CgroupsV1 } from './v1';
import { CgroupsV2 } from './v2';

/** A directory stands in for the kernel: what matters is which files are written, and what is made of what they say. */
describe('control groups', () => {
  let root: string;
  const id = containerId('c1');
  const limits = { cpuMilli: 500, cpuQuotaMilli: 750, memoryBytes: 2 ** 26, memoryRequestBytes: 2 ** 25 };
  const read = async (group: string): Promise<Record<string, string>> => {
    const names = await readdir(join(root, group));
    return Object.fromEntries(
      await Promise.all(
        names.map(async (name) => [name, await readFile(join(root, group, name), 'utf8')] as const),
      ),
    );
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'meseta-cgroups-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  test('version 1: a group in each hierarchy', async () => {
    const groups = new CgroupsV1({ cpu: join(root, 'cpu'), memory: join(root, 'memory') });
    expect(groups.create(id, limits)).toEqual([join(root, 'cpu/c1/tasks'), join(root, 'memory/c1/tasks')]);
    expect(await read('cpu/c1')).toEqual({
      'cpu.shares': '512',
      'cpu.cfs_period_us': '100000',
      'cpu.cfs_quota_us': '75000',
    });
    expect(await read('memory/c1')).toEqual({
      'memory.limit_in_bytes': '67108864',
      'memory.soft_limit_in_bytes': '33554432',
    });
    await writeFile(
      join(root, 'memory/c1/memory.oom_control'),
      'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n',
    );
    await writeFile(join(root, 'memory/c1/memory.max_usage_in_bytes'), '67108000\n');
    expect(groups.oomKillsOf(id)).toBe(0);
    await writeFile(
      join(root, 'memory/c1/memory.oom_control'),
      'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
    );
    expect(groups.oomKillsOf(id)).toBe(1);
    expect(groups.memoryOf(id)).toEqual({ limitBytes: 67108864, usedBytes: 67108000 });
    expect(groups.list()).toEqual([id]);
  });

  test('version 2: one group with all controllers', async () => {
    const groups = new CgroupsV2(root, '+cpu +memory');
    await mkdir(join(root, 'c1'));
    await writeFile(join(root, 'c1/memory.swap.max'), 'max');
    expect(groups.create(id, limits)).toEqual([join(root, 'c1/cgroup.procs')]);
    expect(await read('c1')).toEqual({
      'cpu.weight': '20',
      'cpu.max': '75000 100000',
      'memory.max': '67108864',
      'memory.low': '33554432',
      'memory.swap.max': '0',
    });
    await writeFile(join(root, 'c1/memory.events'), 'low 0\nmax 3\noom 1\noom_kill 1\n');
    await writeFile(join(root, 'c1/cgroup.procs'), '12\n13\n');
    await writeFile(join(root, 'c1/memory.current'), '4096\n');
    await writeFile(join(root, 'c1/cpu.stat'), 'usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n');
    expect(groups.oomKillsOf(id)).toBe(1);
    expect(groups.memoryOf(id)).toEqual({ limitBytes: 67108864 });
    await writeFile(join(root, 'c1/memory.peak'), '67108000\n');
    expect(groups.memoryOf(id)).toEqual({ limitBytes: 67108864, usedBytes: 67108000 });
    expect(groups.pidsOf(id)).toEqual([12, 13]);
    expect(groups.usage(id)).toEqual({
      memoryBytes: 4096,
      memoryLimitBytes: 67108864,
      cpuSeconds: 2.5,
      cpuUserSeconds: 2,
      cpuSystemSeconds: 0.5,
      processes: 2,
    });
    // Of a group of several, with all that is in it.
    await mkdir(join(root, 'c1/inner'));
    await writeFile(join(root, 'c1/inner/cgroup.procs'), '14\n');
    await writeFile(join(root, 'c1/cgroup.threads'), '12\n13\n');
    await writeFile(join(root, 'c1/inner/cgroup.threads'), '14\n15\n');
    expect(groups.usage(id)).toMatchObject({ processes: 3, threads: 4 });
  });

  test('G72: version 1 tells the parts of the cpu time in ticks', async () => {
    const groups = new CgroupsV1({ memory: join(root, 'memory'), cpuacct: join(root, 'cpuacct') });
    groups.create(id, limits);
    await writeFile(join(root, 'memory/c1/memory.usage_in_bytes'), '4096\n');
    await writeFile(join(root, 'cpuacct/c1/cpuacct.usage'), '2500000000\n');
    await writeFile(join(root, 'cpuacct/c1/cpuacct.stat'), 'user 200\nsystem 50\n');
    expect(groups.usage(id)).toEqual({
      memoryBytes: 4096,
      memoryLimitBytes: 67108864,
      cpuSeconds: 2.5,
      cpuUserSeconds: 2,
      cpuSystemSeconds: 0.5,
    });
  });

  test('R64, E21: version 1 lifts a bound that is unset in an update', async () => {
    const groups = new CgroupsV1({
      cpu: join(root, 'cpu'),
      memory: join(root, 'memory'),
      pids: join(root, 'pids'),
    });
    groups.create(id, { ...limits, processes: 10 });
    groups.update(id, { cpuMilli: 500 });
    expect(await read('cpu/c1')).toMatchObject({ 'cpu.cfs_quota_us': '-1' });
    expect(await read('memory/c1')).toEqual({
      'memory.limit_in_bytes': '-1',
      'memory.soft_limit_in_bytes': '-1',
    });
    expect(await read('pids/c1')).toEqual({ 'pids.max': 'max' });
  });

  test('R64, E21: version 2 lifts a bound that is unset in an update', async () => {
    const groups = new CgroupsV2(root, '+cpu +memory +pids');
    await mkdir(join(root, 'c1'));
    await writeFile(join(root, 'c1/memory.swap.max'), 'max');
    groups.create(id, { ...limits, processes: 10 });
    groups.update(id, { cpuMilli: 500 });
    expect(await read('c1')).toEqual({
      'cpu.weight': '20',
      'cpu.max': 'max 100000',
      'memory.max': 'max',
      'memory.low': '0',
      'memory.swap.max': 'max',
      'pids.max': 'max',
    });
  });

  test('R61, G52: revocable cpus weigh ten each, and with others each weighs its own', async () => {
    const groups = new CgroupsV1({ cpu: join(root, 'cpu') });
    const shares = async (cpuMilli: number, lowCpuMilli: number): Promise<string | undefined> => {
      groups.create(id, { cpuMilli, lowCpuMilli });
      return (await read('cpu/c1'))['cpu.shares'];
    };
    expect([await shares(1_000, 1_000), await shares(100, 100), await shares(1_000, 500)]).toEqual([
      '10',
      '2',
      '517',
    ]);
    new CgroupsV2(root, '+cpu +memory').create(id, { cpuMilli: 1_000, lowCpuMilli: 1_000 });
    expect((await read('c1'))['cpu.weight']).toBe('1');
  });

  test('G53: version 1 sets a limit below what is in use when that is possible', async () => {
    const groups = new CgroupsV1({ memory: join(root, 'memory') });
    const limit = async (): Promise<string | undefined> => (await read('memory/c1'))['memory.limit_in_bytes'];
    groups.create(id, limits);
    await writeFile(join(root, 'memory/c1/memory.stat'), 'rss 0\ntotal_rss 50000000\n');
    groups.update(id, { cpuMilli: 500, memoryBytes: 40_000_000 });
    groups.retry();
    expect(await limit()).toBe('67108864');
    await writeFile(join(root, 'memory/c1/memory.stat'), 'rss 0\ntotal_rss 30000000\n');
    groups.retry();
    expect(await limit()).toBe('40000000');
  });

  test('G53: version 2 sets a limit below what is in use when that is possible, and ends nobody for it', async () => {
    const groups = new CgroupsV2(root, '+cpu +memory');
    const limit = async (): Promise<string | undefined> => (await read('c1'))['memory.max'];
    groups.create(id, limits);
    await writeFile(join(root, 'c1/memory.current'), '60000000\n');
    await writeFile(join(root, 'c1/memory.stat'), 'anon 50000000\nfile 10000000\nshmem 1000000\n');
    groups.update(id, { cpuMilli: 500, memoryBytes: 50_000_000 });
    groups.retry();
    expect(await limit()).toBe('67108864');
    // Files that are only cached can be taken back.
    await writeFile(join(root, 'c1/memory.stat'), 'anon 49000000\nfile 11000000\nshmem 1000000\n');
    groups.retry();
    expect(await limit()).toBe('50000000');
    await writeFile(join(root, 'c1/memory.max'), 'as it was\n');
    groups.retry();
    expect(await limit()).toBe('as it was\n');
  });

  test('a group that is gone while its limit waits is let be', async () => {
    const groups = new CgroupsV2(root, '+cpu +memory');
    groups.create(id, limits);
    await writeFile(join(root, 'c1/memory.current'), '60000000\n');
    groups.update(id, { cpuMilli: 500, memoryBytes: 50_000_000 });
    await rm(join(root, 'c1'), { recursive: true });
    groups.retry();
    expect(groups.has(id)).toBe(false);
  });

  test('a group that is gone is removed already, one with something in it is not', async () => {
    const groups = new CgroupsV2(root, '+cpu +memory');
    expect(groups.remove(id)).toBe(true);
    groups.create(id, limits);
    expect(groups.remove(id)).toBe(false);
  });
});
