import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  ContainerInfo_Type,
  ExecutorInfo_Type,
  LinuxInfo_IpcMode,
  type ContainerInfo,
  type LinuxInfo,
  type TaskInfo,
} from '@meseta/protocol';
import { AgentBench } from './testdata/agent-bench';
import { taskInfo } from './testdata/fake-master';

/** Only root can isolate. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;
const exec = promisify(execFile);

const both: Partial<LinuxInfo> = { sharePidNamespace: true, ipcMode: LinuxInfo_IpcMode.SHARE_PARENT };

function container(linux: Partial<LinuxInfo>, more: Partial<ContainerInfo> = {}): Partial<TaskInfo> {
  const linuxInfo = linux as LinuxInfo;
  return {
    container: { type: ContainerInfo_Type.MESOS, volumes: [], networkInfos: [], linuxInfo, ...more },
  };
}

suite('G44: namespaces of processes and of memory that are shared', () => {
  let bench: AgentBench;
  let images: string;
  let flags: string[];
  beforeAll(async () => {
    images = await mkdtemp(join(tmpdir(), 'meseta-images-'));
    await mkdir(join(images, 'tiny/rootfs/bin'), { recursive: true });
    await copyFile('/bin/busybox', join(images, 'tiny/rootfs/bin/busybox'));
    for (const name of ['sh', 'cat', 'sleep', 'readlink', 'touch'])
      await symlink('busybox', join(images, 'tiny/rootfs/bin', name));
    flags = [`--image-directory=${images}`, '--resources=cpus:8;mem:4096'];
    bench = await AgentBench.open(flags);
  });
  afterAll(async () => {
    await bench.close();
    await rm(images, { recursive: true });
  });

  const output = (pod: string, id: string, wanted: RegExp): Promise<string> =>
    bench.output(pod, wanted, ['tasks', id, 'stdout']);

  const namesOf = (pid: string): Promise<string> =>
    Promise.all(['pid', 'ipc'].map((name) => readlink(`/proc/${pid}/ns/${name}`))).then((all) =>
      all.join(' '),
    );
  const own = 'readlink /proc/self/ns/pid /proc/self/ns/ipc';

  /** Whether nothing of any pod is left. */
  async function expectNothingLeft(): Promise<void> {
    const pods = join(bench.workDir, 'meta/pods');
    expect(await readdir(pods)).toEqual([]);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(pods);
  }

  async function end(...ids: readonly string[]): Promise<void> {
    for (const id of ids) bench.master.kill(id, 0);
    for (const id of ids) await bench.master.untilState(id, 'TASK_KILLED');
  }

  test('tasks of a pod share what they ask for, and with no other', async () => {
    const { master } = bench;
    master.launchGroup(
      'pod-1',
      [
        taskInfo(
          'first',
          `${own}; ipcmk -M 777; echo hello >/dev/shm/word; exec sleep 3001`,
          container(both),
        ),
        taskInfo(
          'second',
          `${own}; until [ -s /dev/shm/word ]; do sleep 0.05; done; cat /dev/shm/word; ipcs -m | grep -c 777; until ps ax -o args= | grep '^sleep 3001'; do sleep 0.05; done; df -m --output=size /dev/shm | tail -n 1; echo done; exec sleep 3002`,
          container(both),
        ),
        taskInfo(
          'private',
          `${own}; echo "$$ of $(ls /proc | grep -c '^[0-9]')"; ls /dev/shm | wc -l; echo done; exec sleep 3003`,
        ),
        taskInfo(
          'image',
          `readlink /proc/self/ns/pid; until [ -s /dev/shm/word ]; do sleep 0.05; done; cat /dev/shm/word; touch /dev/shm/here; echo done; exec sleep 3004`,
          container(
            { ipcMode: LinuxInfo_IpcMode.SHARE_PARENT },
            { mesos: { image: { docker: { name: 'tiny' } } } },
          ),
        ),
      ],
      container({ shmSize: 5 }),
    );
    const second = await output('pod-1', 'second', /done/);
    const first = await output('pod-1', 'first', /ipc:/);
    expect(second).toContain(first.match(/pid:\S+\nipc:\S+\n/)?.[0] ?? 'none');
    expect(second).toMatch(/\nhello\n1\nsleep 3001\n +5\ndone/);
    const alone = await output('pod-1', 'private', /done/);
    expect(alone.match(/\S+:\[\d+\]/g)?.filter((name) => first.includes(name))).toEqual([]);
    expect(alone).toMatch(/\n0\ndone/);
    // From an image too, and memory alone.
    const image = await output('pod-1', 'image', /done/);
    expect(image).toContain('\nhello\ndone');
    expect(first).not.toContain(image.match(/pid:\S+/)?.[0]);
    await end('first', 'second', 'private', 'image');
    await expectNothingLeft();
  });

  test('a task is asked to end, and ends, without the others', async () => {
    const { master } = bench;
    master.launchGroup('pod-2', [
      taskInfo('stays', 'echo $$; exec sleep 300', container(both)),
      taskInfo(
        'leaves',
        'setsid sleep 3005 & ps ax -o args= | grep -c "^sleep 3005"; echo ready; until [ -e /dev/shm/go ]; do sleep 0.05; done',
        container(both),
      ),
    ]);
    await output('pod-2', 'leaves', /ready/);
    // A pod that came later shares nothing with it, and asks its task to end in peace.
    master.launchGroup('pod-3', [
      taskInfo(
        'polite',
        'trap "sleep 0.3; ls /dev/shm | wc -l; echo bye; exit 0" TERM; echo ready; while :; do sleep 0.05; done',
        container(both),
      ),
    ]);
    await output('pod-3', 'polite', /ready/);
    await master.untilState('polite', 'TASK_RUNNING');
    master.kill('polite', 10_000);
    await master.untilState('polite', 'TASK_KILLED');
    expect(await output('pod-3', 'polite', /bye/)).toBe('ready\n0\nbye\n');
    master.launchGroup('pod-2', [taskInfo('go', 'echo >/dev/shm/go', container(both))]);
    await master.untilState('leaves', 'TASK_FINISHED');
    // What it left behind went with it.
    const left = await exec('ps', ['ax', '-o', 'args=']);
    expect(left.stdout).not.toContain('sleep 3005');
    expect(master.states('stays').at(-1)).toBe('TASK_RUNNING');
    await end('stays');
    await expectNothingLeft();
  });

  test('an agent that comes back finds them again', async () => {
    const { master } = bench;
    master.launchGroup('pod-4', [
      taskInfo('t1', `${own}; echo done; exec sleep 300`, container(both)),
      taskInfo('t2', `exec sleep 300`),
    ]);
    const before = await output('pod-4', 't1', /done/);
    await master.untilState('t2', 'TASK_RUNNING');
    await bench.restart(flags);
    master.launchGroup('pod-4', [taskInfo('t3', `${own}; echo done; exec sleep 300`, container(both))]);
    expect(await output('pod-4', 't3', /done/)).toBe(before);
    await end('t1', 't2', 't3');
    await expectNothingLeft();
  });

  test('without its first process all of a pod end, and the next have new ones', async () => {
    const { master } = bench;
    const group = (id: string): void =>
      master.launchGroup('pod-5', [
        taskInfo(id, `${own}; echo done; exec sleep 300`, container({ sharePidNamespace: true })),
        taskInfo(`${id}-other`, 'exec sleep 300'),
      ]);
    group('t4');
    const before = await output('pod-5', 't4', /done/);
    await master.untilState('t4-other', 'TASK_RUNNING');
    const pods = join(bench.workDir, 'meta/pods');
    const [pod = ''] = await readdir(pods);
    const [holder = ''] = (await readFile(join(pods, pod, 'holder'), 'utf8')).split(' ');
    await bench.agent.close();
    process.kill(Number(holder), 'SIGKILL');
    await bench.start(flags);
    await master.untilState('t4', 'TASK_FAILED');
    await master.untilState('t4-other', 'TASK_KILLED');
    group('t5');
    expect(await output('pod-5', 't5', /done/)).not.toBe(before);
    await end('t5');
    await expectNothingLeft();
  });

  test('the machine’s own are shared only where the operator says so', async () => {
    const { master } = bench;
    master.launch('refused', 'true', container({ sharePidNamespace: true }));
    await master.untilState('refused', 'TASK_FAILED');
    const message =
      'this agent does not share namespaces of the machine with tasks (--allow-sharing-agent-namespaces)';
    expect(master.statuses('refused').at(-1)).toMatchObject({ message });
    master.launchGroup('pod-6', [taskInfo('refused-pod', 'true')], container(both));
    await master.untilState('refused-pod', 'TASK_FAILED');
    expect(master.statuses('refused-pod').at(-1)).toMatchObject({ message });

    await bench.restart([...flags, '--allow-sharing-agent-namespaces']);
    const seen = (file: string): string => `${own}; touch /dev/shm/${file}; echo done; exec sleep 300`;
    const ids = [1, 2, 3].map((n) => `meseta-test-${process.pid}-${n}`);
    const [one = '', two = '', three = ''] = ids;
    master.launch('task', seen(one), container(both));
    master.launchGroup('pod-7', [taskInfo('in-pod', seen(two), container(both))], container(both));
    master.launch('executor', '', {
      command: undefined,
      executor: {
        ...{ executorId: { value: 'custom' }, resources: [], type: ExecutorInfo_Type.CUSTOM },
        command: { value: seen(three), uris: [], arguments: [] },
        ...container(both),
      },
    });
    const machine = (await namesOf('self')).split(' ');
    for (const said of [
      await bench.output('task', /done/),
      await output('pod-7', 'in-pod', /done/),
      await bench.output('custom', /done/),
    ])
      expect(said.trim().split('\n')).toEqual([...machine, 'done']);
    for (const id of ids) await rm(join('/dev/shm', id));
    await end('task', 'in-pod');
    await expectNothingLeft();
    await bench.restart(flags);
  });
});
