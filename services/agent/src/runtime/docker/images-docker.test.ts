import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { agentId, containerId, frameworkId, Resources } from '@meseta/model';
import { createLogger, systemTimers } from '@meseta/kit';
import type { ContainerSpec } from '../container-runtime';
import {
  containerInfo,
  DockerBench,
  dockerSuite,
  dockerTestMs,
  openDocker,
} from '../../testdata/docker-place';
import { dockerConfigOf, ImageRegistry, type RegistryAccess } from '../../testdata/image-registry';
import { ImageCollector } from '../../images/image-collector';
import { ImageRecord } from '../../images/image-record';
import { DockerShelf } from './docker-shelf';

dockerSuite('images, on a real daemon and from a registry', () => {
  let docker: Docker;
  const registries: ImageRegistry[] = [];
  const benches: DockerBench[] = [];
  const images: string[] = [];
  beforeAll(async () => {
    docker = await openDocker();
  }, dockerTestMs);
  afterEach(async () => {
    for (const bench of benches.splice(0).reverse()) await bench.remove();
    for (const registry of registries.splice(0)) registry.close();
    for (const image of images.splice(0))
      await docker
        .getImage(image)
        .remove()
        .catch(() => undefined);
  }, dockerTestMs);
  const check = (title: string, fn: () => Promise<void>): void => test(title, fn, dockerTestMs);

  async function registryOf(access?: RegistryAccess): Promise<ImageRegistry> {
    const registry = await ImageRegistry.start(access);
    registries.push(registry);
    return registry;
  }
  async function open(...options: Parameters<typeof DockerBench.open>): Promise<DockerBench> {
    const bench = await DockerBench.open(...options);
    benches.push(bench);
    return bench;
  }
  async function addTo(registry: ImageRegistry, options: Parameters<ImageRegistry['add']>[1] = {}) {
    const added = await registry.add(`test/${randomUUID().slice(0, 8)}`, options);
    images.push(added.name);
    return added;
  }
  const hasImage = (name: string): Promise<boolean> =>
    docker
      .getImage(name)
      .inspect()
      .then(
        () => true,
        () => false,
      );
  const specOf = async (bench: DockerBench, image: string): Promise<ContainerSpec> => {
    const id = containerId(randomUUID());
    return {
      containerId: id,
      agentId: agentId('agent'),
      frameworkId: frameworkId('framework'),
      name: 'task',
      mounts: [],
      command: { uris: [], arguments: [], value: 'exit 0' },
      container: containerInfo({ image }),
      user: undefined,
      environment: new Map(),
      sandbox: await bench.place.sandbox(id),
      resources: Resources.empty,
      limits: { cpuMilli: 100 },
    };
  };

  check('an image is pulled once, and again only where that is wanted', async () => {
    const registry = await registryOf();
    const { name } = await addTo(registry);
    const pulls: string[] = [];
    const bench = await open({
      observer: { pulled: (outcome) => pulls.push(outcome), imageDeleted: () => undefined },
    });
    expect(await bench.run('echo here', { container: containerInfo({ image: name }) })).toBe('here\n');
    const asked = registry.asked.length;
    expect(await bench.run('echo here', { container: containerInfo({ image: name }) })).toBe('here\n');
    expect(registry.asked).toHaveLength(asked);
    await bench.run('true', { container: containerInfo({ image: name, forcePullImage: true }) });
    expect(registry.asked.length).toBeGreaterThan(asked);
    expect(pulls).toEqual(['pulled', 'pulled']);
  });

  test.each(['basic', 'token'] as const)(
    'a private registry lets in whom it knows, by %s',
    async (by) => {
      const access = { username: 'robot', password: 'pass:word', by };
      const registry = await registryOf(access);
      const { name } = await addTo(registry);
      const stranger = await open();
      const refused = stranger.run('true', { container: containerInfo({ image: name }) });
      await expect(refused).rejects.toMatchObject({
        failure: { message: expect.stringMatching(/^cannot pull image '[^']+': [^\n]+$/) as string },
      });
      const file = join(stranger.place.root, 'config.json');
      await writeFile(file, dockerConfigOf(registry.address, access));
      const known = await open({ dockerConfig: file });
      expect(await known.run('echo in', { container: containerInfo({ image: name }) })).toBe('in\n');
    },
    dockerTestMs,
  );

  check('a task may bring its own credentials, as a file that was fetched', async () => {
    const access = { username: 'robot', password: 'secret', by: 'basic' } as const;
    const registry = await registryOf(access);
    const { name } = await addTo(registry);
    const bench = await open();
    const spec = await specOf(bench, name);
    await mkdir(join(spec.sandbox, '.docker'));
    await writeFile(join(spec.sandbox, '.docker/config.json'), dockerConfigOf(registry.address, access));
    await bench.bench.runtime.start(spec);
    expect(await bench.bench.end(spec.containerId)).toEqual({ kind: 'exited', status: 0 });
  });

  check('how far a pull is, and its end when nobody wants it any more', async () => {
    const registry = await registryOf();
    const { name, release } = await addTo(registry, { hold: true });
    const bench = await open();
    const { runtime } = bench.bench;
    const said: string[] = [];
    const wanted = { keeps: await specOf(bench, name), drops: await specOf(bench, name) };
    const drop = new AbortController();
    const listener = { progress: (words: () => string) => void said.push(words()) };
    const kept = runtime.fetch?.(wanted.keeps, listener, new AbortController().signal);
    const dropped = runtime.fetch?.(wanted.drops, {}, drop.signal);
    const gaveUp = expect(dropped).rejects.toThrow('the task is not wanted any more');
    for (let tries = 0; !said.some((words) => /, 1 of/.test(words)) && tries < 500; tries++) await pause(20);
    drop.abort();
    await gaveUp;
    release();
    await kept;
    expect(said.at(-1)).toMatch(new RegExp(`^pulling image ${name}: 2 of 2 layers, `));
    await runtime.start(wanted.keeps);
    expect(await bench.bench.end(wanted.keeps.containerId)).toEqual({ kind: 'exited', status: 0 });
  });

  check('a pull that the last one gives up is ended, and may be begun again', async () => {
    const registry = await registryOf();
    const { name, release } = await addTo(registry, { hold: true });
    const bench = await open();
    const drop = new AbortController();
    const pull = bench.bench.runtime.fetch?.(await specOf(bench, name), {}, drop.signal);
    const gaveUp = expect(pull).rejects.toThrow('not wanted');
    await pause(300);
    drop.abort();
    await gaveUp;
    expect(await hasImage(name)).toBe(false);
    release();
    expect(await bench.run('echo here', { container: containerInfo({ image: name }) })).toBe('here\n');
  });

  check('an image that was deleted between its pull and the start is brought once more', async () => {
    const registry = await registryOf();
    const { name } = await addTo(registry);
    const bench = await open();
    const spec = await specOf(bench, name);
    await bench.bench.runtime.fetch?.(spec, {}, new AbortController().signal);
    await docker.getImage(name).remove();
    await bench.bench.runtime.start(spec);
    expect(await bench.bench.end(spec.containerId)).toEqual({ kind: 'exited', status: 0 });
  });

  check('what an image says ends its tasks is what they are told', async () => {
    const registry = await registryOf();
    const { name } = await addTo(registry, { stopSignal: 'SIGUSR1' });
    const bench = await open();
    const command = "trap 'exit 7' USR1; echo ready; while :; do sleep 0.1; done";
    const id = await bench.bench.start(command, { container: containerInfo({ image: name }) });
    await bench.bench.ready(id);
    await bench.bench.runtime.terminate(id);
    expect(await bench.bench.end(id)).toEqual({ kind: 'exited', status: 7 });
  });

  check('a full disk takes pulled images away, not those in use, excluded or of others', async () => {
    const registry = await registryOf();
    const [old, used, excluded, recent, foreign] = await Promise.all(
      Array.from({ length: 5 }, async () => (await addTo(registry)).name),
    );
    const bench = await open({ imageRecord: join((await open()).place.root, 'images.json') });
    for (const name of [old, used, excluded, recent, foreign])
      await bench.run('true', { container: containerInfo({ image: name ?? '' }) });
    // Those of the ones that have ended are still there, and count.
    await bench.bench.restart();
    await bench.bench.runtime.recover([]);
    await bench.bench.start('sleep 60', { container: containerInfo({ image: used ?? '' }) });
    const record = new ImageRecord(undefined);
    for (const [n, name] of [old, used, excluded, recent].entries()) record.use(name ?? '', true, n);
    const free = [0.05, 0.3];
    let deleted = 0;
    const collector = new ImageCollector({
      shelf: new DockerShelf(docker, record, () => Promise.resolve(free.shift() ?? 0.05)),
      rules: { headroom: 0.1, intervalMs: 1000, excluded: [excluded?.split(':1')[0] ?? ''] },
      onDeleted: () => deleted++,
      log: createLogger('agent', 'silent'),
      timers: systemTimers,
    });
    // One is enough, for now.
    await collector.goRound();
    const there = () =>
      Promise.all([old, used, excluded, recent, foreign].map((name) => hasImage(name ?? '')));
    expect(await there()).toEqual([false, true, true, true, true]);
    await collector.goRound();
    expect(await there()).toEqual([false, true, true, false, true]);
    expect(deleted).toBe(2);
    expect(record.all().map(({ name }) => name)).toEqual([used, excluded]);
  });
});
