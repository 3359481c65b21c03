import { randomUUID } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { containerId } from '@meseta/model';
import { Volume, Volume_Mode } from '@meseta/protocol';
import {
  containerInfo,
  type DockerBench,
  dockerSuite,
  dockerTestMs,
  eachTestWithBench,
} from '../../testdata/docker-place';

dockerSuite('volumes, on a real daemon', () => {
  let docker: Docker;
  let bench: DockerBench;
  eachTestWithBench((made) => ({ docker, bench } = made));
  const check = (title: string, fn: () => Promise<void>): void => test(title, fn, dockerTestMs);
  const withVolume = (volume: object) => ({
    container: containerInfo({}, { volumes: [Volume.fromJSON({ containerPath: '/data', ...volume })] }),
  });

  check('HOST_PATH is a path of the machine, which must be there', async () => {
    const path = join(bench.place.root, 'shared');
    const source = { type: 'HOST_PATH', hostPath: { path } };
    await expect(bench.run('true', withVolume({ source }))).rejects.toThrow(/does not exist/);
    await mkdir(path);
    await writeFile(join(path, 'file'), 'hello\n');
    const readOnly = withVolume({ source, mode: Volume_Mode.RO });
    expect(await bench.run('cat /data/file; touch /data/x || echo refused', readOnly)).toMatch(
      /^hello\n.*refused\n$/s,
    );
  });

  check('SANDBOX_PATH is a folder of the sandbox, made for whoever wants it', async () => {
    const source = { type: 'SANDBOX_PATH', sandboxPath: { type: 'SELF', path: 'a/b' } };
    const id = await bench.bench.start('echo kept >/data/file', withVolume({ source }));
    await bench.bench.end(id);
    expect(await readFile(join(bench.place.root, id, 'a/b/file'), 'utf8')).toBe('kept\n');
  });

  check('DOCKER_VOLUME is a volume of a driver, with its options, and outlives its tasks', async () => {
    const name = `meseta-test-${randomUUID().slice(0, 8)}`;
    const parameter = [
      { key: 'type', value: 'tmpfs' },
      { key: 'device', value: 'tmpfs' },
      { key: 'o', value: 'size=1m' },
    ];
    const source = {
      type: 'DOCKER_VOLUME',
      dockerVolume: { name, driver: 'local', driverOptions: { parameter } },
    };
    try {
      expect(await bench.run('busybox df /data | tail -n 1', withVolume({ source }))).toMatch(
        /^tmpfs +1024 /,
      );
      const { Driver, Options } = await docker.getVolume(name).inspect();
      expect([Driver, Options]).toEqual(['local', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' }]);
    } finally {
      await bench.bench.restart();
      await bench.bench.runtime.recover([]);
      await docker.getVolume(name).remove({ force: true });
    }
    const unknown = { type: 'DOCKER_VOLUME', dockerVolume: { name, driver: 'no-such-driver' } };
    await expect(bench.run('true', withVolume({ source: unknown }))).rejects.toThrow(/no-such-driver/);
  });

  check('a link that leads out of the sandbox is not followed', async () => {
    const start = async (volume: object): Promise<void> => {
      const id = containerId(randomUUID());
      const sandbox = await bench.place.sandbox(id);
      await symlink('/etc', join(sandbox, 'way-out'));
      await bench.bench.startAs(id, { uris: [], arguments: [], value: 'true' }, withVolume(volume));
    };
    await expect(start({ hostPath: 'way-out' })).rejects.toThrow(
      "volume: 'way-out' must not lead out of the sandbox",
    );
    const source = { type: 'SANDBOX_PATH', sandboxPath: { type: 'SELF', path: 'way-out/new' } };
    await expect(start({ source })).rejects.toThrow("volume: 'way-out/new' must not lead out of the sandbox");
  });
});
