import { setTimeout as pause } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { agentId, frameworkId, Resources, type ContainerId } from '@meseta/model';
import type { ContainerSpec } from '../container-runtime';
import {
  containerInfo,
  DockerBench,
  dockerSuite,
  dockerTestMs,
  openDocker,
} from '../../testdata/docker-place';

dockerSuite('commands beside a task, on a real daemon', () => {
  let bench: DockerBench;
  let spec: ContainerSpec;
  beforeAll(async () => {
    await openDocker();
    bench = await DockerBench.open();
    const id = await bench.bench.start('echo ready; sleep 600');
    await bench.bench.ready(id);
    spec = specOf(id);
  }, dockerTestMs);
  afterAll(() => bench.remove(), dockerTestMs);
  const check = (title: string, fn: () => Promise<void>): void => test(title, fn, dockerTestMs);

  function specOf(id: ContainerId): ContainerSpec {
    return {
      containerId: id,
      agentId: agentId('agent'),
      frameworkId: frameworkId('framework'),
      name: 'task',
      mounts: [],
      command: undefined,
      container: containerInfo(),
      user: undefined,
      environment: new Map([['COLOUR', 'light blue']]),
      sandbox: '',
      resources: Resources.empty,
      limits: { cpuMilli: 100 },
    };
  }

  async function textOf(stream: Readable): Promise<string> {
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text;
  }

  /** How many processes of the container have such words. */
  async function count(words: string): Promise<number> {
    const session = await bench.bench.runtime.exec(spec, ['busybox', 'ps', '-o', 'args'], undefined);
    session.stdin.end();
    return (await textOf(session.stdout)).split('\n').filter((line) => line.includes(words)).length;
  }

  async function untilNone(words: string): Promise<void> {
    for (let tries = 0; (await count(words)) > 0; tries++) {
      if (tries > 100) throw new Error(`it runs on: ${words}`);
      await pause(50);
    }
  }

  check('two outputs, a status, and the environment of the task', async () => {
    const session = await bench.bench.runtime.exec(
      spec,
      ['sh', '-c', 'echo "$COLOUR"; echo bad >&2; exit 7'],
      undefined,
    );
    expect(await Promise.all([textOf(session.stdout), textOf(session.stderr), session.exited])).toEqual([
      'light blue\n',
      'bad\n',
      7,
    ]);
  });

  check('a terminal whose size changes, and which ends as a terminal does', async () => {
    const session = await bench.bench.runtime.exec(spec, ['sh'], { rows: 30, columns: 100 });
    const said = textOf(session.stdout);
    session.stdin.write('busybox stty size\n');
    await pause(500);
    await session.resize({ rows: 50, columns: 120 });
    session.stdin.write('busybox stty size\n');
    session.stdin.end();
    expect(await said).toMatch(/30 100\r\n[^]*50 120\r\n/);
    expect(await session.exited).toBe(0);
  });

  check('it ends when nobody is there any more', async () => {
    const session = await bench.bench.runtime.exec(spec, ['sleep', '4711'], undefined);
    for (let tries = 0; (await count('sleep 4711')) === 0; tries++) {
      if (tries > 100) throw new Error('it does not begin');
      await pause(50);
    }
    session.end();
    await untilNone('sleep 4711');
    // Also one that has hardly begun.
    const quick = await bench.bench.runtime.exec(spec, ['sleep', '4711'], undefined);
    quick.end();
    await pause(500);
    await untilNone('sleep 4711');
  });

  check('a check that is given up is ended too', async () => {
    const signal = AbortSignal.timeout(500);
    const command = { uris: [], arguments: [], value: 'exec sleep 4712' };
    await expect(bench.bench.runtime.run({ ...spec, command }, signal)).rejects.toThrow('it took too long');
    await untilNone('sleep 4712');
    const quick = { uris: [], arguments: [], value: 'echo said; exit 3' };
    expect(await bench.bench.runtime.run({ ...spec, command: quick }, new AbortController().signal)).toEqual({
      status: 3,
      output: 'said\n',
    });
  });
});
