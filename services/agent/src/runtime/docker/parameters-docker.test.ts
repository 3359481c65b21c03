import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { sandboxInContainer } from '../../sandbox/paths';
import {
  containerInfo,
  DockerBench,
  dockerSuite,
  dockerTestMs,
  openDocker,
} from '../../testdata/docker-place';

const megabyte = 1024 * 1024;

/** Whether this machine has every power that a privileged container is given; one that is a container itself may lack some. */
async function hasAllCapabilities(): Promise<boolean> {
  const [, mask = '0'] = /CapBnd:\s*(\w+)/.exec(await readFile('/proc/self/status', 'utf8')) ?? [];
  const last = Number(await readFile('/proc/sys/kernel/cap_last_cap', 'utf8'));
  return BigInt(`0x${mask}`) === 2n ** BigInt(last + 1) - 1n;
}

dockerSuite('settings of containers, on a real daemon', () => {
  let docker: Docker;
  const benches: DockerBench[] = [];
  beforeAll(async () => {
    docker = await openDocker();
  }, dockerTestMs);
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.remove();
  }, dockerTestMs);
  const check = (title: string, fn: () => Promise<void>): void => test(title, fn, dockerTestMs);
  async function open(allowPrivileged = false): Promise<DockerBench> {
    const bench = await DockerBench.open({ allowPrivileged });
    benches.push(bench);
    return bench;
  }
  const withParameters = (parameters: Readonly<Record<string, string>>) => ({
    container: containerInfo({
      parameters: Object.entries(parameters).map(([key, value]) => ({ key, value })),
    }),
  });

  check('parameters are what the task sees', async () => {
    const bench = await open();
    const parameters = withParameters({
      env: 'COLOUR=light blue',
      hostname: 'web',
      workdir: '/mnt',
      user: '1234:100',
      'group-add': '44',
      tmpfs: '/scratch:size=2m',
      'shm-size': '3m',
      ulimit: 'nofile=100:200',
      'add-host': 'db:10.0.0.7',
      sysctl: 'net.core.somaxconn=77',
      'cap-drop': 'ALL',
      'read-only': 'true',
      'security-opt': 'no-new-privileges',
      'pids-limit': '50',
      init: 'false',
      label: 'team=web',
      'oom-score-adj': '500',
      'memory-swappiness': '0',
    });
    const command = [
      'echo "$COLOUR"',
      'busybox hostname',
      'busybox pwd',
      'id -u; id -G',
      'busybox df /scratch | tail -n 1 | busybox tr -s " " | busybox cut -d " " -f 2',
      'busybox df /dev/shm | tail -n 1 | busybox tr -s " " | busybox cut -d " " -f 2',
      'ulimit -n',
      'busybox grep db /etc/hosts',
      'cat /proc/sys/net/core/somaxconn',
      'busybox grep -E "CapBnd|NoNewPrivs" /proc/self/status',
      'cat /proc/self/oom_score_adj',
      'touch /x 2>/dev/null || echo refused',
    ].join('; ');
    expect((await bench.run(command, parameters)).replaceAll('\t', ' ').split('\n')).toEqual([
      'light blue',
      'web',
      '/mnt',
      '1234',
      '100 44',
      '2048',
      '3072',
      '100',
      '10.0.0.7 db',
      '77',
      'CapBnd: 0000000000000000',
      'NoNewPrivs: 1',
      '500',
      'refused',
      '',
    ]);
  });

  check('powers over the machine are refused, and given where the agent allows them', async () => {
    const spec = withParameters({ 'cap-add': 'SYS_ADMIN', pid: 'host', device: '/dev/null:/dev/other' });
    const command =
      'busybox grep -c "" /proc/1/comm; ls /dev/other; busybox mount -t tmpfs x /tmp && echo mounted';
    const careful = await open();
    await expect(careful.run(command, spec)).rejects.toThrow(
      "docker parameter 'cap-add' with the value 'SYS_ADMIN' needs an agent with --docker-allow-privileged",
    );
    const privileged = { container: containerInfo({ privileged: true }) };
    await expect(careful.run('true', privileged)).rejects.toThrow(
      'docker.privileged needs an agent with --docker-allow-privileged',
    );
    const allowing = await open(true);
    expect(await allowing.run(command, spec)).toBe('1\n/dev/other\nmounted\n');
    const mounts = allowing.run('busybox mount -t tmpfs x /tmp && echo mounted', privileged);
    if (await hasAllCapabilities()) expect(await mounts).toBe('mounted\n');
    else await expect(mounts).rejects.toThrow('unable to apply caps');
    // Nothing of either was left by what was refused.
    const names = (await docker.listContainers({ all: true })).flatMap(
      ({ Labels }) => Labels['meseta.agent-name'],
    );
    expect(names).not.toContain(careful.place.root);
  });

  check('gpus need an engine that has them, and the reason is told', async () => {
    const bench = await open();
    const limits = { cpuMilli: 100, gpus: ['GPU-0123'] };
    await expect(bench.run('true', { limits })).rejects.toThrow(
      'could not select device driver "nvidia" with capabilities: [[gpu]]',
    );
  });

  check('a terminal of the wanted size, whose output is one', async () => {
    const bench = await open();
    const container = containerInfo({}, { ttyInfo: { windowSize: { rows: 30, columns: 100 } } });
    // The size comes a moment after the start, as with Docker's own command line.
    const command =
      'busybox tty; for i in $(busybox seq 100); do case $(busybox stty size 2>/dev/null) in "30 100") echo sized; break;; esac; sleep 0.2; done; echo err >&2';
    const id = await bench.bench.start(command, { container });
    await bench.bench.end(id);
    expect(await bench.output(id)).toBe('/dev/pts/0\r\nsized\r\nerr\r\n');
    expect(await readFile(join(bench.place.root, id, 'stderr'), 'utf8')).toBe('');
  });

  check('limits change while it runs, and a child that takes too much ends with the reason', async () => {
    const bench = await open();
    const id = await bench.bench.start(
      `until [ -e ${sandboxInContainer}/go ]; do busybox sleep 0.05; done; tail /dev/zero; s=$?; echo went on; exit $s`,
      {
        limits: { cpuMilli: 500, memoryBytes: 64 * megabyte, processes: 30 },
      },
    );
    await bench.bench.runtime.update(id, {
      cpuMilli: 1500,
      cpuQuotaMilli: 2000,
      memoryBytes: 96 * megabyte,
      processes: 40,
    });
    const { HostConfig } = await docker.getContainer(`meseta-${id}`).inspect();
    expect(HostConfig).toMatchObject({
      CpuShares: 1536,
      CpuQuota: 200_000,
      Memory: 96 * megabyte,
      MemorySwap: 96 * megabyte,
      PidsLimit: 40,
    });
    await writeFile(join(bench.place.root, id, 'go'), '');
    expect(await bench.bench.end(id)).toEqual({ kind: 'outOfMemory', limitBytes: 96 * megabyte });
    expect(await bench.output(id)).toContain('went on');
  });

  check('what a container was given of swap stays its own when its memory changes', async () => {
    const bench = await open();
    const id = await bench.bench.start('sleep 60', {
      ...withParameters({ 'memory-swap': '128m' }),
      limits: { cpuMilli: 500, memoryBytes: 64 * megabyte },
    });
    await bench.bench.runtime.update(id, { cpuMilli: 500, memoryBytes: 96 * megabyte });
    const { HostConfig } = await docker.getContainer(`meseta-${id}`).inspect();
    expect([HostConfig.Memory, HostConfig.MemorySwap]).toEqual([96 * megabyte, 160 * megabyte]);
  });
});
