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
  const limits = { cpuMilli: 500, cpuQuotaMilli: 750, memoryBytes: 64 * 1024 * 1024 };
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
    expect(await read('memory/c1')).toEqual({ 'memory.limit_in_bytes': '67108864' });
    await writeFile(
      join(root, 'memory/c1/memory.oom_control'),
      'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n',
    );
    expect(groups.outOfMemory(id)).toBeUndefined();
    await writeFile(
      join(root, 'memory/c1/memory.oom_control'),
      'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
    );
    expect(groups.outOfMemory(id)).toEqual({ limitBytes: 67108864 });
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
      'memory.swap.max': '0',
    });
    await writeFile(join(root, 'c1/memory.events'), 'low 0\nmax 3\noom 1\noom_kill 1\n');
    await writeFile(join(root, 'c1/cgroup.procs'), '12\n13\n');
    await writeFile(join(root, 'c1/memory.current'), '4096\n');
    await writeFile(join(root, 'c1/cpu.stat'), 'usage_usec 2500000\nuser_usec 1\n');
    expect(groups.outOfMemory(id)).toEqual({ limitBytes: 67108864 });
    expect(groups.pidsOf(id)).toEqual([12, 13]);
    expect(groups.usage(id)).toEqual({
      memoryBytes: 4096,
      memoryLimitBytes: 67108864,
      cpuSeconds: 2.5,
      processes: 2,
    });
  });

  test('a group that is gone is removed already, one with something in it is not', async () => {
    const groups = new CgroupsV2(root, '+cpu +memory');
    expect(groups.remove(id)).toBe(true);
    groups.create(id, limits);
    expect(groups.remove(id)).toBe(false);
  });
});
