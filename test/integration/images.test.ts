import { join } from 'node:path';
import type { ServiceProcess } from '@meseta/cli';
import { canRunImages } from '../../services/agent/src/testdata/docker-image';
import { ImageRegistry, tarOf } from '../../services/agent/src/testdata/image-registry';
import { meseta, Rig } from './harness';

const suite = canRunImages ? describe : describe.skip;

// Images on agents without Docker, as people run them: through real processes.
suite('tasks in images, without Docker', () => {
  let rig: Rig;
  let master: ServiceProcess;
  let images: ImageRegistry;
  beforeAll(async () => {
    rig = new Rig();
    images = await ImageRegistry.start();
    const registry = await rig.start('registry', ['--store', 'memory']);
    const allocator = await rig.start('allocator', []);
    master = await rig.start('master', ['--registry', registry.grpc, '--allocator', allocator.grpc]);
    await rig.start('agent', [
      ...['--master', master.grpc, '--work-dir', join(rig.folder, 'agent'), '--runtimes', 'process'],
      ...['--resources', 'cpus:4;mem:1024', '--docker-registry', `http://${images.address}`],
    ]);
  }, 60_000);
  afterAll(async () => {
    images?.close();
    await rig.stop();
  }, 60_000);

  const run = (...words: string[]) =>
    meseta(['run', '--master', master.grpc, '--runtime', 'process', ...words]);

  test('a command, or what the image runs by itself', async () => {
    await images.add('library/web', {
      layers: [await tarOf({ 'srv/page': 'hello' })],
      config: {
        Entrypoint: ['/bin/sh', '-c'],
        Cmd: ['cat page; echo , and $WHO'],
        Env: ['PATH=/bin', 'WHO=you'],
        WorkingDir: '/srv',
      },
    });
    const own = await run('--image', 'web:1', '--env', 'WHO=all');
    expect([own.code, own.stdout + own.stderr]).toEqual([0, expect.stringMatching(/hello, and all/)]);
    const given = await run('--image', 'web:1', 'ls /; cat $PWD/page');
    expect([given.code, given.stdout]).toEqual([0, expect.stringMatching(/srv[^]*hello/)]);
  }, 60_000);

  test('an image that is not there fails the task, and says why', async () => {
    const { code, stderr } = await run('--image', 'nothing', 'true');
    expect(code).toBe(1);
    expect(stderr).toContain("cannot pull image 'nothing': its registry does not have it");
  }, 60_000);
});
