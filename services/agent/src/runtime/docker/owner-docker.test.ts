import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import type { ContainerId } from '@meseta/model';
import {
  containerInfo,
  type DockerBench,
  dockerSuite,
  dockerTestMs,
  eachTestWithBench,
  testImage,
} from '../../testdata/docker-place';

dockerSuite('the user of a task, on a real daemon', () => {
  let docker: Docker;
  let bench: DockerBench;
  eachTestWithBench((made) => ({ docker, bench } = made));
  const check = process.getuid?.() === 0 ? test : test.skip;
  const write = 'cd /mnt/mesos/sandbox; echo mine >file || echo refused; id -u';
  const run = async (id: string, user: string, image = testImage) => {
    await bench.bench.startAs(
      id as ContainerId,
      { uris: [], arguments: [], value: write, user },
      { container: containerInfo({ image }) },
    );
    await bench.bench.end(id as ContainerId);
    const { uid, gid, mode } = await stat(join(bench.place.root, id));
    return [await bench.output(id as ContainerId), uid, gid, (mode & 0o777).toString(8)];
  };

  check(
    'G12: the sandbox belongs to a user who is named by a number',
    async () => {
      expect(await run('one', '4321')).toEqual(['4321\n', 4321, expect.any(Number), '750']);
      expect(await run('two', '4321:1234')).toEqual(['4321\n', 4321, 1234, '750']);
    },
    dockerTestMs,
  );

  check(
    'G12: a name is that of the image, whoever has it on this machine',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'meseta-users-'));
      const base = await docker.createContainer({ Image: testImage, Cmd: ['/bin/true'] });
      const image = 'meseta/test-users:latest';
      try {
        await writeFile(join(folder, 'passwd'), 'root:x:0:0::/:/bin/sh\nnobody:x:4444:5555::/:/bin/sh\n');
        await promisify(execFile)('tar', ['-C', folder, '-cf', join(folder, 'users.tar'), 'passwd']);
        await base.putArchive(join(folder, 'users.tar'), { path: '/etc' });
        await base.commit({ repo: 'meseta/test-users', tag: 'latest' });
        expect(await run('named', 'nobody', image)).toEqual(['4444\n', 4444, 5555, '750']);
        expect(await run('root', 'root', image)).toEqual(['0\n', 0, 0, '755']);
      } finally {
        await base.remove({ force: true });
        await rm(folder, { recursive: true, force: true });
      }
      await bench.bench.runtime.release('named' as ContainerId);
      await bench.bench.runtime.release('root' as ContainerId);
      await docker.getImage(image).remove({ force: true });
    },
    dockerTestMs,
  );

  check(
    'a name that is nobody’s is refused by the daemon',
    async () => {
      await expect(run('who', 'no-such-user')).rejects.toThrow(/no-such-user/);
    },
    dockerTestMs,
  );
});
