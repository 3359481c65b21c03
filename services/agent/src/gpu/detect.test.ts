import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFailure } from '@meseta/model';
import { readConfig } from '@meseta/kit';
import { agentService } from '../config';
import { detectResources } from '../resources/detect';
import { FakeGpus, fakeUuid } from '../testdata/fake-gpus';
import { detectGpus } from './detect';
import { gpuPathsDefault } from './gpu';
import { offeredGpus } from './offered';

/** Only root can make device files. */
const asRoot = process.getuid?.() === 0 ? test : test.skip;
const made: FakeGpus[] = [];
afterEach(async () => {
  for (const gpus of made.splice(0)) await gpus.remove();
});
async function machine(...given: Parameters<typeof FakeGpus.make>): Promise<FakeGpus> {
  const gpus = await FakeGpus.make(...given);
  made.push(gpus);
  return gpus;
}

test('a machine without the driver has none', async () => {
  const paths = { driver: '/no/such', devices: '/dev', smi: '/no/such/nvidia-smi' };
  expect(await detectGpus(paths)).toEqual([]);
  expect(gpuPathsDefault.devices).toBe('/dev');
});

asRoot('what the driver’s files say', async () => {
  const { paths } = await machine(2);
  expect(await detectGpus(paths)).toEqual([
    { id: fakeUuid(0), index: 0, path: join(paths.devices, 'nvidia0'), major: 1, minor: 5 },
    { id: fakeUuid(1), index: 1, path: join(paths.devices, 'nvidia1'), major: 1, minor: 7 },
  ]);
});

asRoot('what nvidia-smi says where there are no files', async () => {
  const { paths } = await machine(2, { files: false, smi: true });
  expect((await detectGpus(paths)).map(({ id }) => id)).toEqual([fakeUuid(0), fakeUuid(1)]);
});

asRoot(
  'one that was never used has no UUID yet, and goes by its index; one without a device file is none',
  async () => {
    const { paths } = await machine(3);
    const file = (place: string): string => join(paths.driver, 'gpus', place, 'information');
    const text = await readFile(file('0000:11:00.0'), 'utf8');
    await writeFile(
      file('0000:11:00.0'),
      text.replace(fakeUuid(0), 'GPU-????????-????-????-????-????????????'),
    );
    await writeFile(file('0000:22:00.0'), 'GPU UUID: GPU-01\nDevice Minor: 17\n');
    expect((await detectGpus(paths)).map(({ id, index }) => [id, index])).toEqual([
      ['0', 0],
      [fakeUuid(2), 2],
    ]);
  },
);

describe('what is offered of them', () => {
  const configOf = (...flags: string[]) =>
    readConfig(agentService, ['--master', 'localhost:1', '--work-dir', '/tmp', ...flags], {});
  async function offered(...flags: string[]) {
    const { paths } = await machine(3);
    const config = configOf(...flags);
    const gpus = await offeredGpus(config, paths);
    const resources = await detectResources(config.resources, '/tmp', gpus.offered.length);
    if (isFailure(resources)) throw new Error(resources.message);
    return [gpus.offered.map(({ index }) => index), resources.scalarMilli('gpus') / 1000];
  }

  asRoot.each<[string, string[], number[], number]>([
    ['all', [], [0, 1, 2], 3],
    ['those that were chosen, in that order', ['--nvidia-gpu-devices=2,0,2'], [2, 0], 2],
    ['no more than the resources name', ['--resources=cpus:1;gpus:1'], [0], 1],
    ['none', ['--resources=cpus:1;gpus:0'], [], 0],
    ['of a role’s own', ['--resources=gpus(web):1;gpus:1', '--nvidia-gpu-devices=1,2'], [1, 2], 2],
  ])('%s', async (_, flags, indices, count) => {
    expect(await offered(...flags)).toEqual([indices, count]);
  });

  asRoot.each<[string[], string]>([
    [['--nvidia-gpu-devices=0,3'], '--nvidia-gpu-devices: there is no gpu 3 on this machine, but 0, 1, 2'],
    [
      ['--resources=gpus:4'],
      '--resources: gpus:4 is more than the 3 that this machine has to offer (--nvidia-gpu-devices)',
    ],
    [
      ['--resources=gpus:2', '--nvidia-gpu-devices=0'],
      '--resources: gpus:2 is more than the 1 that this machine has to offer (--nvidia-gpu-devices)',
    ],
    [['--resources=gpus:0.5'], '--resources: resource gpus must be a whole number'],
  ])('%j is refused', async (flags, message) => {
    await expect(offered(...flags)).rejects.toThrow(message);
  });

  test('an index that is none is refused before anything is looked for', () => {
    expect(() => configOf('--nvidia-gpu-devices=0,one')).toThrow(
      "--nvidia-gpu-devices: 'one' must be a whole number",
    );
  });

  test('tasks that only pretend need none', async () => {
    const config = configOf('--runtimes=fake', '--resources=gpus:8');
    expect((await offeredGpus(config, gpuPathsDefault)).offered).toEqual([]);
  });
});
