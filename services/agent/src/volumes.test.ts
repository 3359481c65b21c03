import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Resources, type Resource } from '@meseta/model';
import {
  ContainerInfo_Type,
  resourcesToProto,
  Volume_Mode,
  Volume_Source_SandboxPath_Type,
  Volume_Source_Type,
  type TaskInfo,
  type Volume,
} from '@meseta/protocol';
import { AgentBench } from './testdata/agent-bench';
import { taskInfo } from './testdata/fake-master';

const exec = promisify(execFile);

const disk: Resource = {
  name: 'disk',
  value: { kind: 'scalar', milli: 64_000 },
  reservations: [{ type: 'DYNAMIC', role: 'web' }],
};
const volume: Resource = {
  ...disk,
  disk: { persistence: { id: 'V1' }, volume: { containerPath: 'data', mode: 'RW' } },
};
const taskWith = (id: string, command: string, mode: 'RW' | 'RO' = 'RW') => {
  const info = taskInfo(id, command);
  const wanted: Resource = {
    ...volume,
    allocationRole: 'web',
    disk: { ...volume.disk, volume: { containerPath: 'data', mode } },
  };
  return { ...info, resources: [...info.resources, ...resourcesToProto(Resources.of([wanted]))] };
};

describe('persistent volumes', () => {
  let bench: AgentBench;
  const resources = '--resources=cpus:2;mem:512;disk:256';
  beforeEach(async () => {
    bench = await AgentBench.open([resources]);
  });
  afterEach(() => bench.close());

  async function makeVolume(): Promise<void> {
    const { master } = bench;
    const reserved = master.apply({
      kind: 'reserve',
      resources: Resources.of([disk]),
      source: Resources.empty,
    });
    expect((await master.untilOperation(reserved)).status?.state).toBe('OPERATION_FINISHED');
    const created = master.apply({ kind: 'create', volumes: Resources.of([volume]) });
    expect(await master.untilOperation(created)).toMatchObject({
      status: { state: 'OPERATION_FINISHED', convertedResources: [{ disk: { persistence: { id: 'V1' } } }] },
      latestState: 'OPERATION_FINISHED',
    });
  }

  test('G57, G72: what is on a volume counts against its own size, and both are told', async () => {
    const watch = [resources, '--disk-watch-interval=100ms'];
    await bench.restart([...watch, '--report-disk-usage']);
    await makeVolume();
    const { master } = bench;
    master.launch('filler', '', taskWith('filler', 'head -c 70000000 /dev/zero > data/big; exec sleep 300'));
    interface Entry {
      readonly statistics: {
        readonly disk_used_bytes?: number;
        readonly disk_statistics?: readonly object[];
      };
    }
    const entry = async (): Promise<Entry | undefined> =>
      ((await (await fetch(`http://${bench.agent.http}/containers`)).json()) as Entry[])[0];
    const used = async (): Promise<number> =>
      ((await entry())?.statistics.disk_statistics?.[1] as { used_bytes: number } | undefined)?.used_bytes ??
      0;
    // Nobody is ended where it is only told.
    while ((await used()) < 70_000_000) await pause(20);
    const statistics = (await entry())?.statistics;
    expect(statistics?.disk_used_bytes).toBeLessThan(1024 * 1024);
    expect(statistics?.disk_statistics).toEqual([
      { used_bytes: statistics?.disk_used_bytes },
      { persistence: { id: 'V1' }, used_bytes: expect.any(Number), limit_bytes: 64 * 1024 * 1024 },
    ]);
    expect(await (await fetch(`http://${bench.agent.http}/metrics`)).text()).toMatch(
      /^meseta_agent_container_disk_bytes\{framework_id="framework",executor_id="filler"/m,
    );
    await bench.restart([...watch, '--enforce-disk-quota']);
    await master.untilState('filler', 'TASK_FAILED');
    expect(master.statuses('filler').at(-1)).toMatchObject({
      reason: 'REASON_CONTAINER_LIMITATION_DISK',
      message: "Disk limit of volume 'V1' exceeded: 67 MB are used of 64 MB",
    });
  }, 30_000);

  test('R40, R45: data outlives its task and its agent, and goes with the volume', async () => {
    const { master, workDir } = bench;
    await makeVolume();
    const path = join(workDir, 'volumes/roles/web/V1');
    await access(path);
    const write = taskWith('writer', 'echo hello > data/file');
    master.launch('writer', '', write);
    await master.untilState('writer', 'TASK_FINISHED');
    expect(await readFile(join(path, 'file'), 'utf8')).toBe('hello\n');
    await bench.restart([resources]);
    expect(master.registers.at(-1)?.checkpointedResources).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ disk: expect.objectContaining({ persistence: { id: 'V1' } }) }),
      ]),
    );
    master.launch('reader', '', taskWith('reader', 'cat data/file; sleep 300'));
    await bench.output('reader', /hello/);
    const used = master.apply({ kind: 'destroy', volumes: Resources.of([volume]) });
    expect((await master.untilOperation(used)).status).toMatchObject({
      state: 'OPERATION_FAILED',
      message: 'task reader uses the volume V1',
    });
    master.kill('reader');
    await master.untilState('reader', 'TASK_KILLED');
    const destroyed = master.apply({ kind: 'destroy', volumes: Resources.of([volume]) });
    expect((await master.untilOperation(destroyed)).status?.state).toBe('OPERATION_FINISHED');
    await expect(access(path)).rejects.toThrow('ENOENT');
  });

  (process.getuid?.() === 0 ? test : test.skip)('R43: a volume that is wanted read-only is', async () => {
    const { master, workDir } = bench;
    await makeVolume();
    await writeFile(join(workDir, 'volumes/roles/web/V1/file'), 'old');
    master.launch('t1', '', taskWith('t1', 'cat data/file && ! echo new > data/file', 'RO'));
    await master.untilState('t1', 'TASK_FINISHED');
  });

  test('E50: a volume of a pod’s executor is there for its tasks, and is in use as long as the pod lives', async () => {
    const { master, workDir } = bench;
    await makeVolume();
    const wanted = resourcesToProto(Resources.of([{ ...volume, allocationRole: 'web' }]));
    const fromPod = (id: string, value: string) =>
      taskInfo(id, value, {
        container: {
          type: ContainerInfo_Type.MESOS,
          networkInfos: [],
          volumes: [
            {
              mode: Volume_Mode.RW,
              containerPath: 'kept',
              source: {
                type: Volume_Source_Type.SANDBOX_PATH,
                sandboxPath: { type: Volume_Source_SandboxPath_Type.PARENT, path: 'data' },
              },
            },
          ],
        },
      });
    const tasks = [
      fromPod('writer', 'echo hello > kept/file; exec sleep 300'),
      fromPod('reader', 'until [ -s kept/file ]; do sleep 0.05; done; cat kept/file'),
    ];
    master.launchGroup('pod', tasks, { resources: wanted });
    await master.untilState('reader', 'TASK_FINISHED');
    expect(await readFile(join(workDir, 'volumes/roles/web/V1/file'), 'utf8')).toBe('hello\n');
    const refused = master.apply({ kind: 'destroy', volumes: Resources.of([volume]) });
    expect((await master.untilOperation(refused)).status).toMatchObject({
      state: 'OPERATION_FAILED',
      message: 'executor pod uses the volume V1',
    });
    master.kill('writer', 0);
    await master.until('the pod is over', () => master.executorsEnded.length === 1);
    const gone = master.apply({ kind: 'destroy', volumes: Resources.of([volume]) });
    expect((await master.untilOperation(gone)).status?.state).toBe('OPERATION_FINISHED');
  });

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot('R44, G65: what is made for a task, and the volume of its pod, are its user’s', async () => {
    const { master } = bench;
    await makeVolume();
    const wanted = resourcesToProto(Resources.of([{ ...volume, allocationRole: 'web' }]));
    const { PARENT, SELF } = Volume_Source_SandboxPath_Type;
    const ofSandbox = (
      type: Volume_Source_SandboxPath_Type,
      path: string,
      containerPath: string,
    ): Volume => ({
      mode: Volume_Mode.RW,
      containerPath,
      source: { type: Volume_Source_Type.SANDBOX_PATH, sandboxPath: { type, path } },
    });
    const member = (id: string, value: string): TaskInfo =>
      taskInfo(id, '', {
        command: { uris: [], arguments: [], value, user: 'nobody' },
        container: {
          type: ContainerInfo_Type.MESOS,
          networkInfos: [],
          volumes: [
            ofSandbox(PARENT, 'data', 'kept'),
            ofSandbox(PARENT, 'a/b', 'shared'),
            ofSandbox(SELF, 'own/deep', 'mine'),
          ],
        },
      });
    master.launchGroup(
      'pod',
      [
        member(
          'writer',
          'for d in kept shared mine own; do echo x > $d/file && echo $d; done; exec sleep 300',
        ),
        member(
          'reader',
          'until [ -s shared/file ]; do sleep 0.05; done; echo y >> shared/file && cat shared/file',
        ),
      ],
      { resources: wanted },
    );
    expect(await bench.output('pod', /own/, ['tasks/writer/stdout'])).toBe('kept\nshared\nmine\nown\n');
    expect(await bench.output('pod', /y/, ['tasks/reader/stdout'])).toBe('x\ny\n');
    master.kill('writer', 0);
    await master.untilState('writer', 'TASK_KILLED');
  });

  asRoot(
    'R44: a shared volume is its user’s, unless somebody else uses it',
    async () => {
      const { master, workDir } = bench;
      const shared: Resource = { ...volume, shared: true };
      const reserved = master.apply({
        kind: 'reserve',
        resources: Resources.of([disk]),
        source: Resources.empty,
      });
      await master.untilOperation(reserved);
      await master.untilOperation(master.apply({ kind: 'create', volumes: Resources.of([shared]) }));
      const path = join(workDir, 'volumes/roles/web/V1');
      const launch = (id: string, user: string, command: string): void => {
        const info = taskInfo(id, command);
        const wanted = resourcesToProto(Resources.of([{ ...shared, allocationRole: 'web' }]));
        const more = { resources: [...info.resources, ...wanted] };
        master.launch(id, '', {
          ...info,
          ...more,
          command: { uris: [], arguments: [], value: command, user },
        });
      };
      launch('first', 'nobody', 'id -u; echo x > data/first && echo written; exec sleep 300');
      expect(await bench.output('first', /written/)).toBe(`${(await stat(path)).uid}\nwritten\n`);
      launch('second', 'daemon', 'echo x > data/second || echo refused; exec sleep 300');
      await bench.output('second', /refused/);
      for (const id of ['first', 'second']) {
        await master.untilState(id, 'TASK_RUNNING');
        master.kill(id, 0);
        await master.untilState(id, 'TASK_KILLED');
      }
      launch('third', 'daemon', 'echo x > data/third && echo written');
      await bench.output('third', /written/);
    },
    30_000,
  );

  test('a volume that cannot be made is told so, and the disk is as it was', async () => {
    const { master, workDir } = bench;
    await writeFile(join(workDir, 'volumes'), 'in the way');
    const reserved = master.apply(
      { kind: 'reserve', resources: Resources.of([disk]), source: Resources.empty },
      false,
    );
    await master.untilOperation(reserved);
    const created = master.apply({ kind: 'create', volumes: Resources.of([volume]) });
    expect((await master.untilOperation(created)).status?.state).toBe('OPERATION_FAILED');
    await bench.restart([resources]);
    const told = master.registers.at(-1)?.checkpointedResources ?? [];
    expect(told.some((one) => one.disk?.persistence !== undefined)).toBe(false);
    expect(told.some((one) => one.reservations.length > 0)).toBe(true);
  });
});

/** Only root can mount. */
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('disks that are mounted', () => {
  let bench: AgentBench;
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'meseta-mount-'));
    await exec('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'meseta', root]);
  });
  afterEach(async () => {
    await exec('umount', ['--lazy', root]).catch(() => undefined);
    await rm(root, { recursive: true, force: true });
  });

  const flagsFor = (disk: object): string =>
    `--resources=${JSON.stringify([
      { name: 'cpus', type: 'SCALAR', scalar: { value: 2 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 512 } },
      { name: 'disk', type: 'SCALAR', scalar: { value: 8 }, disk },
    ])}`;

  test('R45, R50: one is a volume as a whole, and is empty before anybody is told that the volume is gone', async () => {
    bench = await AgentBench.open([flagsFor({ source: { type: 'MOUNT', mount: { root } } })]);
    const { master } = bench;
    const plain: Resource = {
      name: 'disk',
      value: { kind: 'scalar', milli: 8_000 },
      reservations: [{ type: 'DYNAMIC', role: 'a/b' }],
      disk: { source: { type: 'MOUNT', root } },
    };
    const whole: Resource = {
      ...plain,
      disk: {
        ...plain.disk,
        persistence: { id: 'V2' },
        volume: { containerPath: 'data', mode: 'RW' },
      },
    };
    const done = async (uuid: string): Promise<unknown> => (await master.untilOperation(uuid)).status?.state;
    const reserve = master.apply({
      kind: 'reserve',
      resources: Resources.of([plain]),
      source: Resources.empty,
    });
    expect(await done(reserve)).toBe('OPERATION_FINISHED');
    expect(await done(master.apply({ kind: 'create', volumes: Resources.of([whole]) }))).toBe(
      'OPERATION_FINISHED',
    );
    const info = taskInfo('writer', 'for i in $(seq 300); do mkdir data/$i; echo old > data/$i/file; done');
    const wanted = resourcesToProto(Resources.of([{ ...whole, allocationRole: 'a/b' }]));
    const using = { ...info, resources: [...info.resources, ...wanted] };
    master.launch('writer', '', using);
    await master.untilState('writer', 'TASK_FINISHED');
    expect(await readdir(root)).toHaveLength(300);
    const destroyed = master.apply({ kind: 'destroy', volumes: Resources.of([whole]) });
    // Made and used again at once: what the task writes stays.
    const again = master.apply({ kind: 'create', volumes: Resources.of([whole]) });
    master.launch('next', '', {
      ...using,
      taskId: { value: 'next' },
      command: command('ls data; echo new > data/new'),
    });
    expect(await done(destroyed)).toBe('OPERATION_FINISHED');
    expect(await done(again)).toBe('OPERATION_FINISHED');
    await master.untilState('next', 'TASK_FINISHED');
    expect(await readFile(bench.sandbox('next', 'stdout'), 'utf8')).toBe('');
    expect(await readdir(root)).toEqual(['new']);
    await bench.close();
  });

  test('R50: an agent whose disk is not mounted does not start', async () => {
    const start = (disk: object): Promise<AgentBench> => AgentBench.open([flagsFor(disk)]);
    await expect(start({ source: { type: 'MOUNT', mount: { root: `${root}/none` } } })).rejects.toThrow(
      `a disk of type MOUNT must have a root where something is mounted, and at ${root}/none nothing is (--resources)`,
    );
    await expect(start({ source: { type: 'MOUNT' } })).rejects.toThrow(
      'a disk of type MOUNT must have a root where something is mounted (--resources)',
    );
  });
});

function command(value: string) {
  return { value, uris: [], arguments: [] };
}
