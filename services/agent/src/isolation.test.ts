import {
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  symlink,
  copyFile,
  access,
  writeFile,
} from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CapabilityInfo_Capability,
  ContainerInfo_Type,
  RLimitInfo_RLimit_Type,
  Volume_Mode,
  type ContainerInfo,
  type TaskInfo,
  type Volume,
} from '@meseta/protocol';
import { AgentBench } from './testdata/agent-bench';

/** Only root can isolate. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;

const container = (more: Partial<ContainerInfo>): Partial<TaskInfo> => ({
  container: { type: ContainerInfo_Type.MESOS, volumes: [], networkInfos: [], ...more },
});

suite('tasks that try to break out', () => {
  let bench: AgentBench;
  beforeAll(async () => {
    bench = await AgentBench.open(['--read-only-root', '--processes-max=64', '--resources=cpus:4;mem:2048']);
  });
  afterAll(() => bench.close());

  /** Runs a command as root to its end and gives back what it printed. */
  async function tell(id: string, command: string, more: Partial<TaskInfo> = {}): Promise<string> {
    const { master } = bench;
    master.launch(id, `{ ${command}; } 2>&1; echo "status $?"`, more);
    return bench.output(id, /status \d+\n/);
  }

  test('another task’s sandbox, and what the agent knows, are not there', async () => {
    const { master, workDir } = bench;
    master.launch('victim', 'echo secret > file; echo ready; exec sleep 300');
    await bench.output('victim', /ready/);
    const said = await tell(
      'thief',
      `find ${workDir} -name file -o -name data.mdb; cat ${bench.sandbox('victim', 'file')} ${workDir}/meta/state/data.mdb`,
    );
    expect(said).not.toContain('secret');
    expect(said.match(/No such file or directory/g)).toHaveLength(2);
    expect(await readFile(bench.sandbox('victim', 'file'), 'utf8')).toBe('secret\n');
  });

  test('a neighbour cannot be seen, let alone killed', async () => {
    const { master } = bench;
    master.launch('neighbour', 'echo ready; exec sleep 300');
    await bench.output('neighbour', /ready/);
    await master.untilState('neighbour', 'TASK_RUNNING');
    const pid = master.statuses('neighbour').at(-1)?.containerStatus?.executorPid ?? 0;
    const said = await tell('killer', `ps ax -o comm=; kill -9 ${pid}; kill -9 -1; true`);
    expect(said).not.toMatch(/node|jest/);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(master.states('neighbour').at(-1)).toBe('TASK_RUNNING');
  });

  test('a fork bomb stays small, and its neighbours do not notice', async () => {
    const { master } = bench;
    // A shell that cannot fork ends, so the first one forks for the last time before it gets crowded.
    master.launch('bomb', 'bomb() { bomb | bomb & }; sleep 300 & ( bomb ); wait $!', {
      killPolicy: { gracePeriod: { nanoseconds: 0n } },
    });
    await master.untilState('bomb', 'TASK_RUNNING');
    await tell('calm', 'for i in 1 2 3 4 5; do /bin/true || echo failed; done');
    master.kill('bomb', 0);
    await master.untilState('bomb', 'TASK_KILLED');
    const processes = await tell('count', 'grep -c . /proc/loadavg');
    expect(processes).toContain('status 0');
  }, 20_000);

  test('a memory bomb is ended, and its end names the limit', async () => {
    const { master } = bench;
    master.launch('hog', 'exec perl -e \'$x = "a" x (600 << 20); sleep 300\'');
    await master.untilState('hog', 'TASK_FAILED');
    expect(master.statuses('hog').at(-1)).toMatchObject({
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      limitation: { resources: [{ name: 'mem', scalar: { value: 64 } }] },
    });
  });

  test.each([
    ['the machine’s files', 'echo x > /etc/meseta-was-here'],
    ['the kernel’s settings', 'echo x > /proc/sys/kernel/core_pattern'],
    ['control groups', 'ls /sys/fs/cgroup/memory/tasks || echo 1 > /sys/fs/cgroup/cgroup.procs'],
    ['mounts', 'mount -t tmpfs x /mnt || mount -o remount,rw /'],
    ['device files', 'mknod disk b 8 0 || mknod memory c 1 1'],
    ['settings of devices', 'echo Y > /sys/module/printk/parameters/time'],
    ['disks', 'cat /dev/[sv]d* /dev/mem'],
    ['the daemon of Docker', '[ -S /var/run/docker.sock ]'],
    ['namespaces of others', 'nsenter --target 1 --mount true && [ -e /etc/shadow.none ]'],
    ['kernel modules', 'modprobe dummy || insmod x.ko'],
    ['the clock', 'date -s 2001-01-01'],
  ])('root cannot change or read %s', async (name, command) => {
    const id = name.replace(/[^a-z]/g, '');
    expect(await tell(id, command)).not.toContain('status 0\n');
  });

  test('nothing gives powers back', async () => {
    const said = await tell('powers', 'grep -E "NoNewPrivs|CapBnd|CapEff" /proc/self/status');
    expect(said).toMatch(/NoNewPrivs:\t1/);
    // Neither SYS_ADMIN (21), SYS_PTRACE (19), SYS_MODULE (16), MKNOD (27) nor DAC_READ_SEARCH (2).
    const bounding = BigInt(`0x${/CapBnd:\s+(\w+)/.exec(said)?.[1] ?? ''}`);
    for (const bit of [2n, 16n, 19n, 21n, 27n]) expect((bounding >> bit) & 1n).toBe(0n);
  });
});

suite('what a task may ask of its isolation', () => {
  let bench: AgentBench;
  let images: string;
  beforeAll(async () => {
    images = await mkdtemp(join(tmpdir(), 'meseta-images-'));
    const root = join(images, 'tiny', 'rootfs');
    await mkdir(join(root, 'bin'), { recursive: true });
    await access('/bin/busybox');
    await copyFile('/bin/busybox', join(root, 'bin/busybox'));
    for (const name of ['sh', 'cat', 'ls', 'echo', 'touch', 'sleep', 'id'])
      await symlink('busybox', join(root, 'bin', name));
    await writeFile(
      join(images, 'tiny', 'profile.json'),
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat', 'chroot', 'setuid'], action: 'SCMP_ACT_ERRNO' }],
      }),
    );
    bench = await AgentBench.open([
      `--image-directory=${images}`,
      `--seccomp-config-directory=${join(images, 'tiny')}`,
    ]);
  });
  afterAll(async () => {
    await bench.close();
    await rm(images, { recursive: true, force: true });
  });

  test('a /tmp of its own, which is as large as the disk and gone for others', async () => {
    const { master } = bench;
    master.launch('t1', 'echo mine > /tmp/meseta-of-t1; df /tmp | tail -1; echo done; exec sleep 300');
    await bench.output('t1', /done/);
    expect(await readFile(`${await realpath(bench.sandbox('t1'))}.tmp/meseta-of-t1`, 'utf8')).toBe('mine\n');
    await expect(access('/tmp/meseta-of-t1')).rejects.toThrow();
  });

  test('limits, powers and a host name', async () => {
    const { master } = bench;
    master.launch(
      't2',
      'ulimit -n; cat /proc/sys/kernel/hostname; grep CapEff /proc/self/status; echo done',
      container({
        hostname: 'box-7',
        rlimitInfo: { rlimits: [{ type: RLimitInfo_RLimit_Type.RLMT_NOFILE, soft: 77n, hard: 99n }] },
        linuxInfo: { effectiveCapabilities: { capabilities: [CapabilityInfo_Capability.CHOWN] } },
      }),
    );
    expect(await bench.output('t2', /done/)).toMatch(/^77\nbox-7\nCapEff:\t0+1\n/);
  });

  test('what the agent does not allow is refused', async () => {
    const { master } = bench;
    master.launch(
      't3',
      'true',
      container({
        linuxInfo: { effectiveCapabilities: { capabilities: [CapabilityInfo_Capability.SYS_ADMIN] } },
      }),
    );
    await master.untilState('t3', 'TASK_FAILED');
    expect(master.statuses('t3').at(-1)?.message).toBe(
      'capability SYS_ADMIN is not allowed on this agent (--capabilities)',
    );
  });

  test('E41: the root of an image, with the sandbox in it; what is written over it is the task’s own', async () => {
    const { master } = bench;
    const image = { mesos: { image: { docker: { name: 'tiny' } } } } as Partial<ContainerInfo>;
    master.launch(
      't4',
      'echo $MESOS_SANDBOX; ls /bin/busybox /usr; touch /new here; echo done',
      container(image),
    );
    const said = await bench.output('t4', /done/);
    expect(said).toBe('/mnt/mesos/sandbox\n/bin/busybox\ndone\n');
    await access(bench.sandbox('t4', 'here'));
    await access(`${await realpath(bench.sandbox('t4'))}.image/upper/new`);
    await expect(access(join(images, 'tiny/rootfs/new'))).rejects.toThrow();
    master.launch('t5', 'true', container({ mesos: { image: { docker: { name: '../tiny' } } } }));
    await master.untilState('t5', 'TASK_FAILED');
    expect(master.statuses('t5').at(-1)?.message).toBe("no image '../tiny': its name leads elsewhere");
  });

  test('a profile of seccomp holds in an image too, and not for what brings the task there', async () => {
    const { master } = bench;
    const linuxInfo = { seccomp: { profileName: 'profile.json' } } as ContainerInfo['linuxInfo'];
    const image = { mesos: { image: { docker: { name: 'tiny' } } }, linuxInfo } as Partial<ContainerInfo>;
    for (const [id, user] of [
      ['filtered', undefined],
      ['filtered-nobody', 'nobody'],
    ] as const) {
      const command = { value: 'mkdir /tmp/sub 2>&1; echo "uid $(id -u)"', user, uris: [], arguments: [] };
      master.launch(id, '', { ...container(image), command });
      expect(await bench.output(id, /uid \d/)).toMatch(
        user === undefined ? /not permitted\nuid 0\n/ : /not permitted\nuid 65534\n/,
      );
    }
  });

  test('E50: volumes of the machine and of the sandbox, read-only where that is asked for', async () => {
    const { master } = bench;
    const volumes = [
      { hostPath: images, containerPath: 'images', mode: Volume_Mode.RO },
      { hostPath: 'made', containerPath: 'also', mode: Volume_Mode.RW },
    ];
    master.launch(
      't6',
      'ls images; touch images/x || echo read-only; touch also/y; ls made; echo done',
      container({ volumes }),
    );
    expect(await bench.output('t6', /done/)).toBe('tiny\nread-only\ny\ndone\n');
  });

  test('no volume leads to what is the agent’s or the kernel’s, by a path or by a link', async () => {
    const { master, workDir } = bench;
    const archive = join(images, 'links.tar');
    const links = join(images, 'links');
    await mkdir(links);
    await symlink(join(workDir, 'meta'), join(links, 'meta'));
    await symlink('/nowhere/at/all', join(links, 'nowhere'));
    execFileSync('tar', ['-cf', archive, '-C', links, 'meta', 'nowhere']);
    const launch = async (id: string, volume: Partial<Volume>): Promise<string | undefined> => {
      master.launch(id, '', {
        command: { value: 'true', uris: [{ value: archive }], arguments: [] },
        ...container({ volumes: [{ containerPath: 'seen', mode: Volume_Mode.RW, ...volume }] }),
      });
      await master.untilState(id, 'TASK_FAILED');
      return master.statuses(id).at(-1)?.message;
    };
    const reaches = (path: string): string => `volume seen: '${path}' reaches what is the agent's own`;
    for (const [id, path] of [
      ['inside', join(workDir, 'meta')],
      ['itself', workDir],
      ['above', '/'],
      ['by-link', join(links, 'meta')],
    ] as const)
      expect(await launch(id, { hostPath: path })).toBe(reaches(path));
    expect(await launch('kernel', { hostPath: '/proc/sys' })).toBe(
      "volume seen: '/proc/sys' is the kernel's: the mode must be RO",
    );
    // Unpacked in its sandbox, where it may name it.
    expect(await launch('fetched', { hostPath: 'meta/state' })).toBe(
      'volume seen: its source must lie in the sandbox',
    );
    expect(await launch('dangling', { hostPath: 'nowhere' })).toBe(
      'volume seen: its source is a link that leads nowhere',
    );
  });
});
