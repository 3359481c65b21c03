import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Resources, type Resource } from '@meseta/model';
import { resourcesToProto } from '@meseta/protocol';
import { AgentBench } from './testdata/agent-bench';
import { taskInfo } from './testdata/fake-master';

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
