import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFailure } from '@meseta/model';
import { loadNetworks } from './load';
import type { NetworkConfig } from './network-config';

describe('the directory of networks', () => {
  let root: string;
  let configs: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'meseta-networks-'));
    configs = join(root, 'net.d');
    for (const folder of ['net.d', 'first', 'second']) await mkdir(join(root, folder));
    for (const plugin of ['first/bridge', 'second/portmap']) {
      await writeFile(join(root, plugin), '');
      await chmod(join(root, plugin), 0o755);
    }
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const load = () => loadNetworks(configs, [join(root, 'first'), join(root, 'second')]);
  const put = (file: string, content: object | string) =>
    writeFile(join(configs, file), typeof content === 'string' ? content : JSON.stringify(content));
  const bridge = { type: 'bridge' };

  test('one plugin, lists of plugins, and files that are none of ours', async () => {
    await put('10-a.conf', { cniVersion: '0.3.1', name: 'a', ...bridge, mtu: 1400 });
    await put('20-b.conflist', {
      cniVersion: '1.0.0',
      name: 'b',
      plugins: [bridge, { type: 'portmap', capabilities: { portMappings: true, bandwidth: false } }],
    });
    await put('30-c.json', { cniVersion: '0.4.0', name: 'c', plugins: [bridge] });
    await put('README', 'not a network');
    const networks = await load();
    if (isFailure(networks)) throw new Error(networks.message);
    const shown = [...networks.values()].map(({ name, cniVersion, plugins }: NetworkConfig) => [
      name,
      cniVersion,
      plugins.map(({ type, capabilities }) => [type, ...capabilities].join(' ')),
    ]);
    expect(shown).toEqual([
      ['a', '0.3.1', ['bridge']],
      ['b', '1.0.0', ['bridge', 'portmap portMappings']],
      ['c', '0.4.0', ['bridge']],
    ]);
    expect(networks.get('a')?.plugins[0]?.given).toMatchObject({ mtu: 1400 });
  });

  test.each<[string, object | string]>([
    ['is not JSON: ', '{'],
    ['must be a JSON object', '[]'],
    [
      'name must begin with a letter or digit and go on with these, _, . and -',
      { cniVersion: '1.0.0', name: '../a', ...bridge },
    ],
    ['cniVersion must be one of 0.3.1, 0.4.0, 1.0.0', { name: 'a', ...bridge }],
    ['cniVersion must be one of 0.3.1, 0.4.0, 1.0.0', { cniVersion: '1.1.0', name: 'a', ...bridge }],
    ['plugins must be a list of at least one plugin', { cniVersion: '1.0.0', name: 'a', plugins: [] }],
    ['plugins[1] must be a JSON object', { cniVersion: '1.0.0', name: 'a', plugins: [bridge, 'x'] }],
    [
      'plugins[0].type must be the name of a plugin’s program, without a path',
      { cniVersion: '1.0.0', name: 'a', plugins: [{ type: '../bin/sh' }] },
    ],
    [
      'capabilities must say true or false of each capability',
      { cniVersion: '1.0.0', name: 'a', ...bridge, capabilities: { ips: 'yes' } },
    ],
    ["there is no plugin 'magic' in ", { cniVersion: '1.0.0', name: 'a', type: 'magic' }],
  ])('a file is refused by its name, with %s', async (rule, content) => {
    await put('10-a.conf', content);
    expect(await load()).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(`--network-config-dir: ${join(configs, '10-a.conf')}: ${rule}`),
    });
  });

  test('two networks of one name are refused', async () => {
    await put('10-a.conf', { cniVersion: '1.0.0', name: 'a', ...bridge });
    await put('20-a.conf', { cniVersion: '1.0.0', name: 'a', ...bridge });
    expect(await load()).toMatchObject({
      message: `--network-config-dir: ${join(configs, '20-a.conf')}: name must be unique: 10-a.conf names 'a' too`,
    });
  });

  test('a directory that is not there is refused', async () => {
    await rm(configs, { recursive: true });
    expect(await load()).toMatchObject({ message: expect.stringContaining('--network-config-dir: ENOENT') });
  });
});
