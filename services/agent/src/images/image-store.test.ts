import { execFileSync, spawnSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { lstatSync } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimers } from '@meseta/kit';
import { canRunImages } from '../testdata/docker-image';
import { ImageRegistry, tarOf } from '../testdata/image-registry';
import { ImageStore, type StoreWish } from './image-store';
import { registryHome } from './registry';
import type { RegistryAuth } from './registry-auth';

const suite = canRunImages ? describe : describe.skip;
const zstd = [
  ['zstd', (tar: Buffer) => execFileSync('zstd', ['-q', '-c'], { input: tar, maxBuffer: 2 ** 26 })],
] as const;
const hasZstd = spawnSync('zstd', ['--version']).status === 0;

suite('images on the agent’s disk', () => {
  let directory: string;
  let registry: ImageRegistry;
  let used: Set<string>;
  let store: ImageStore;
  const access1 = { username: 'ann', password: 'sesame', by: 'token' } as const;

  /** Also when it is closed. */
  let address: string;
  const open = (home = address): Promise<ImageStore> =>
    ImageStore.open({
      directory: join(directory, 'store'),
      source: { home: registryHome(home), stallMs: 5_000, architecture: 'amd64' },
      inUse: () => Promise.resolve(used),
      timers: systemTimers,
    });
  const wish = (more: Partial<StoreWish> = {}): StoreWish => ({ always: false, auth: undefined, ...more });
  const layersOf = (name: string): readonly string[] => store.use(name)?.layers ?? [];
  const layerFolders = (): Promise<string[]> => readdir(join(directory, 'store/layers'));
  /** What is left of a broken pull. */
  const unfinished = async (): Promise<string[]> =>
    readdir(join(directory, 'store/new')).catch((): string[] => []);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'meseta-store-'));
    registry = await ImageRegistry.start();
    address = `http://${registry.address}`;
    used = new Set();
    store = await open();
  });
  afterEach(async () => {
    registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('an image is fetched once, with what it says of itself', async () => {
    const { name } = await registry.add('web', {
      layers: [await tarOf({ 'srv/page': 'hello' })],
      config: {
        Env: ['PATH=/bin', 'MODE=a=b'],
        Entrypoint: ['/bin/sh'],
        Cmd: ['-c', 'true'],
        WorkingDir: '/srv',
      },
    });
    expect(await Promise.all([store.ensure(name, wish()), store.ensure(name, wish())])).toEqual([true, true]);
    expect(await store.ensure(name, wish())).toBe(false);
    expect(registry.asked).toEqual(['web:1']);
    const [top = '', base = ''] = layersOf(name);
    expect(await readFile(join(top, 'srv/page'), 'utf8')).toBe('hello');
    await access(join(base, 'bin/busybox'));
    expect(store.use(name)?.config).toEqual({
      environment: ['PATH=/bin', 'MODE=a=b'],
      entrypoint: ['/bin/sh'],
      command: ['-c', 'true'],
      workingDirectory: '/srv',
    });
    expect(await unfinished()).toEqual([]);
  });

  test('it is there after a restart, without its registry', async () => {
    const { name } = await registry.add('web');
    await store.ensure(name, wish());
    registry.close();
    store = await open();
    expect(await store.ensure(name, wish())).toBe(false);
    expect(layersOf(name)).toHaveLength(2);
  });

  test('who does not take what is there asks the registry, and fetches only what is new', async () => {
    const { name } = await registry.add('web', { layers: [await tarOf({ a: '1' })] });
    await store.ensure(name, wish());
    const before = layersOf(name);
    await registry.add('web', { layers: [await tarOf({ a: '2' })] });
    expect(await store.ensure(name, wish({ always: true }))).toBe(true);
    const [top = '', base] = layersOf(name);
    expect(base).toBe(before[1]);
    expect(await readFile(join(top, 'a'), 'utf8')).toBe('2');
  });

  test.each([['gzip', gzipSync], ['none', (tar: Buffer) => tar], ...(hasZstd ? zstd : [])] as const)(
    'layers may be compressed by %s',
    async (_, compress) => {
      const { name } = await registry.add('packed', { compress, layers: [await tarOf({ a: 'x' })] });
      await store.ensure(name, wish());
      expect(await readFile(join(layersOf(name)[0] ?? '', 'a'), 'utf8')).toBe('x');
    },
  );

  test('of a list the image for this machine is taken, by a tag and by a digest', async () => {
    const { name, digest } = await registry.add('many', { listed: 'amd64' });
    await store.ensure(name, wish());
    expect(layersOf(name)).toHaveLength(2);
    const exact = `${registry.address}/many@${digest}`;
    await store.ensure(exact, wish());
    expect(layersOf(exact)).toEqual(layersOf(name));
    const { name: foreign } = await registry.add('foreign', { listed: 'sparc' });
    await expect(store.ensure(foreign, wish())).rejects.toThrow(
      `cannot pull image '${foreign}': its description has nothing for linux/amd64`,
    );
  });

  test('what a layer takes away of those below it is not seen, and nothing else', async () => {
    const { name } = await registry.add('less', {
      layers: [
        await tarOf({
          'a/1': 'low',
          'a/2': 'low',
          'b/x': 'low',
          'b/deep/y': 'low',
          'b/deep/z': 'low',
          c: 'low',
        }),
        await tarOf({
          'a/.wh.1': '',
          'b/.wh..wh..opq': '',
          'b/deep/y': 'high',
          '.wh.c': '',
          '.wh..wh.plnk': '',
        }),
      ],
    });
    await store.ensure(name, wish());
    const merged = join(directory, 'merged');
    for (const folder of ['merged', 'upper', 'work']) await mkdir(join(directory, folder));
    const options = `lowerdir=${layersOf(name).join(':')},upperdir=${directory}/upper,workdir=${directory}/work`;
    execFileSync('mount', ['-t', 'overlay', 'meseta', '-o', options, merged]);
    try {
      expect(await readdir(join(merged, 'a'))).toEqual(['2']);
      expect(await readdir(join(merged, 'b'))).toEqual(['deep']);
      expect(await readdir(join(merged, 'b/deep'))).toEqual(['y']);
      expect(await readFile(join(merged, 'b/deep/y'), 'utf8')).toBe('high');
      expect((await readdir(merged)).filter((one) => one === 'c' || one.startsWith('.wh'))).toEqual([]);
    } finally {
      execFileSync('umount', [merged]);
    }
  });

  test('what is not what it should be is refused, and leaves nothing', async () => {
    const { name, layers } = await registry.add('forged');
    const last = layers.at(-1)?.blob ?? Buffer.alloc(0);
    const digest = `sha256:${execFileSync('sha256sum', { input: last }).toString().slice(0, 64)}`;
    const other = Buffer.from(last);
    other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
    registry.forge(digest, other);
    await expect(store.ensure(name, wish())).rejects.toThrow('a layer is not what its digest says');
    registry.forge(digest, Buffer.concat([last, last]));
    await expect(store.ensure(name, wish())).rejects.toThrow(
      `a layer is larger than its ${last.length} bytes`,
    );
    expect([await unfinished(), await layerFolders()]).toEqual([[], []]);
    registry.forge(digest, last);
    await store.ensure(name, wish());
  });

  test('nothing of a layer is written outside its folder', async () => {
    const outside = join(directory, 'outside');
    await mkdir(outside);
    const folder = join(directory, 'evil');
    await mkdir(folder);
    // A link that leads out, and a file that is to be written through it; and a name that leads out.
    execFileSync(
      'sh',
      [
        '-c',
        'ln -s "$0" link; tar -cf 1.tar link; rm link; mkdir link; echo x > link/file; tar -rf 1.tar link/file',
        outside,
      ],
      {
        cwd: folder,
      },
    );
    execFileSync('sh', ['-c', 'echo x > escape; tar -cPf 2.tar ../evil/escape'], { cwd: folder });
    const { name } = await registry.add('evil', { layers: [await readFile(join(folder, '1.tar'))] });
    await store.ensure(name, wish()).catch(() => undefined);
    expect(await readdir(outside)).toEqual([]);
    const { name: second } = await registry.add('escape', {
      layers: [await readFile(join(folder, '2.tar'))],
    });
    await rm(join(folder, 'escape'));
    await store.ensure(second, wish()).catch(() => undefined);
    await expect(access(join(folder, 'escape'))).rejects.toThrow();
    expect(await unfinished()).toEqual([]);
  });

  test.each(['basic', 'token'] as const)('who may pull says so, by %s', async (by) => {
    registry.close();
    registry = await ImageRegistry.start({ ...access1, by });
    const { name } = await registry.add('private/web');
    const auth: RegistryAuth = { username: 'ann', password: 'sesame', serveraddress: registry.address };
    await expect(store.ensure(name, wish())).rejects.toThrow(
      'its registry does not let this agent have it (401)',
    );
    await expect(store.ensure(name, wish({ auth: { ...auth, password: 'wrong' } }))).rejects.toThrow('(401)');
    expect(await store.ensure(name, wish({ auth }))).toBe(true);
  });

  test('what is not there, and names that are none, are told', async () => {
    const nothing = `${registry.address}/nothing:1`;
    await expect(store.ensure(nothing, wish())).rejects.toThrow(
      `cannot pull image '${nothing}': its registry does not have it`,
    );
    await expect(store.ensure('Web', wish())).rejects.toThrow('must have a name of lower case letters');
    await expect(store.ensure('web:a b', wish())).rejects.toThrow('must have a tag');
    await expect(store.ensure('web@sha256:1', wish())).rejects.toThrow('must have a digest');
    // Its own name for what Docker calls library.
    await expect(store.ensure('web', wish())).rejects.toThrow('does not have it');
    expect(registry.asked).toEqual(['nothing:1', 'library/web:latest']);
  });

  test('an image that nobody wants any more is not fetched to its end', async () => {
    const { name, release } = await registry.add('slow', { hold: true });
    const drop = new AbortController();
    const words: string[] = [];
    const listener = { progress: (say: () => string) => words.push(say()) };
    const pull = store.ensure(name, wish({ signal: drop.signal, listener }));
    while (!words.some((one) => /: 1 of 2 layers, \d+ of \d+ MB$/.test(one)))
      await new Promise((resolve) => setTimeout(resolve, 20));
    drop.abort();
    await expect(pull).rejects.toThrow('not wanted any more');
    while ((await unfinished()).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    release();
    expect(await store.ensure(name, wish())).toBe(true);
  });

  test('an image that is deleted leaves what others have of it, and what is in use', async () => {
    const [a, b] = [
      await registry.add('a', { layers: [await tarOf({ a: '1' })] }),
      await registry.add('b', { layers: [await tarOf({ b: '1' })] }),
    ];
    for (const { name } of [a, b]) await store.ensure(name, wish());
    expect(await layerFolders()).toHaveLength(3);
    used = new Set(layersOf(a.name));
    expect(await store.delete(a.name)).toBe('used');
    used = new Set();
    expect(await store.delete(a.name)).toBe('deleted');
    expect(await store.delete(a.name)).toBe('gone');
    expect(await layerFolders()).toHaveLength(2);
    expect(store.all().map(({ name }) => name)).toEqual([b.name]);
    // As after an end in the middle of it.
    await rm(layersOf(b.name)[0] ?? '', { recursive: true });
    await mkdir(join(directory, 'store/new/rest'), { recursive: true });
    store = await open();
    expect([store.all(), await layerFolders(), await unfinished()]).toEqual([[], [], []]);
  });

  test('without a registry images are of archives as docker save writes them', async () => {
    const archives = join(directory, 'archives');
    const { layers } = await registry.add('web', { layers: [await tarOf({ 'srv/page': 'hello' })] });
    const parts = join(directory, 'parts');
    await mkdir(join(archives, 'team'), { recursive: true });
    await mkdir(parts);
    const diffIds = layers.map(
      ({ tar }) => `sha256:${execFileSync('sha256sum', { input: tar }).toString().slice(0, 64)}`,
    );
    const config = { config: { Cmd: ['/bin/true'] }, rootfs: { type: 'layers', diff_ids: diffIds } };
    await writeFile(join(parts, 'config.json'), JSON.stringify(config));
    for (const [i, { tar }] of layers.entries()) await writeFile(join(parts, `${i}.tar`), tar);
    const manifest = [{ Config: 'config.json', RepoTags: ['team/web:1'], Layers: ['0.tar', '1.tar'] }];
    await writeFile(join(parts, 'manifest.json'), JSON.stringify(manifest));
    execFileSync('tar', ['-C', parts, '-cf', join(archives, 'team/web:1.tar'), '.']);
    store = await open(archives);
    expect(await store.ensure('team/web:1', wish())).toBe(true);
    expect(await readFile(join(layersOf('team/web:1')[0] ?? '', 'srv/page'), 'utf8')).toBe('hello');
    expect(store.use('team/web:1')?.config.command).toEqual(['/bin/true']);
    expect(lstatSync(join(layersOf('team/web:1')[1] ?? '', 'bin/sh')).isSymbolicLink()).toBe(true);
    await expect(store.ensure('team/other', wish())).rejects.toThrow(
      `there is no ${join(archives, 'team/other.tar')}`,
    );
    await expect(store.ensure('../parts/0', wish())).rejects.toThrow('its name leads elsewhere');
    await writeFile(join(archives, 'broken.tar'), 'x'.repeat(600));
    await expect(store.ensure('broken', wish())).rejects.toThrow('broken.tar cannot be unpacked');
  });
});
