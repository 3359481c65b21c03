import { execFileSync } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CheckInfo_Type,
  ContainerInfo_Type,
  Secret_Type,
  Volume_Mode,
  type ContainerInfo,
  type TaskInfo,
  type Volume,
} from '@meseta/protocol';
import { AgentBench } from './testdata/agent-bench';
import { canRunImages } from './testdata/docker-image';
import { dockerConfigOf, ImageRegistry, tarOf } from './testdata/image-registry';

const suite = canRunImages ? describe : describe.skip;

/** A container of the process runtime with an image. */
function imageOf(name: string, more: object = {}): { readonly container: ContainerInfo } {
  const image = { docker: { name }, ...more };
  return {
    container: {
      type: ContainerInfo_Type.MESOS,
      volumes: [],
      networkInfos: [],
      mesos: { image },
    },
  };
}

suite('tasks of the process runtime in images of a registry', () => {
  let registry: ImageRegistry;
  let bench: AgentBench;
  let flags: string[];
  beforeEach(async () => {
    registry = await ImageRegistry.start();
    flags = [`--docker-registry=http://${registry.address}`];
    bench = await AgentBench.open(flags);
  });
  afterEach(async () => {
    await bench.close();
    registry.close();
  });

  const layers = (): Promise<string[]> => readdir(join(bench.workDir, 'meta/images/layers'));
  const own = { uris: [], arguments: [], shell: false } as const;

  test('G80: the image is fetched, and its sandbox, directory, environment and files are there', async () => {
    const { master } = bench;
    await registry.add('library/web', {
      layers: [await tarOf({ 'srv/page': 'hello' })],
      config: { Env: ['PATH=/bin:/own', 'MODE=image', 'OTHER=a b=c'], WorkingDir: '/srv' },
    });
    master.launch(
      't1',
      'cat page; pwd; echo $PATH $MODE $OTHER $HOME $MESOS_SANDBOX; echo x > new; exec sleep 300',
      {
        ...imageOf('web:1'),
        command: {
          uris: [],
          arguments: [],
          value: 'cat page; pwd; echo $PATH $MODE $OTHER $HOME $MESOS_SANDBOX; echo x > new; exec sleep 300',
          environment: { variables: [{ name: 'MODE', value: 'task' }] },
        },
        check: {
          type: CheckInfo_Type.COMMAND,
          command: { command: { ...own, shell: true, value: 'test "$OTHER$(cat page)" = "a b=chello"' } },
          delaySeconds: 0,
          intervalSeconds: 0.1,
          timeoutSeconds: 5,
        } as unknown as TaskInfo['check'],
      },
    );
    expect(await bench.output('t1', /sandbox\n/)).toBe(
      'hello/srv\n/bin:/own task a b=c /mnt/mesos/sandbox /mnt/mesos/sandbox\n',
    );
    // What runs beside it is where it is, also for an agent that did not start it, and whatever the name has come to mean.
    await registry.add('library/web');
    await bench.restart([...flags, '--image-gc-headroom=1', '--image-gc-interval=100ms']);
    await master.until('the check has succeeded', () =>
      master.statuses('t1').some(({ checkStatus }) => checkStatus?.command?.exitCode === 0),
    );
    expect(await layers()).toHaveLength(2);
    // What it wrote is not in the image, of which another task gets all.
    master.kill('t1', 0);
    await master.untilState('t1', 'TASK_KILLED');
    while ((await layers()).length > 0) await pause(20);
    await access(bench.sandbox('t1', 'stdout'));
  });

  test('G63: without a value the command is what the image runs', async () => {
    const { master } = bench;
    const { name } = await registry.add('runs', {
      config: { Entrypoint: ['/bin/echo', 'entry'], Cmd: ['own'] },
    });
    const { name: plain } = await registry.add('plain', { config: { Cmd: ['/bin/echo', 'only'] } });
    const { name: nothing } = await registry.add('nothing');
    const cases: [string, string, string[], string][] = [
      ['a', name, [], 'entry own\n'],
      ['b', name, ['more', 'words'], 'entry more words\n'],
      ['c', plain, [], 'only\n'],
      ['d', plain, ['more'], 'only more\n'],
    ];
    for (const [id, image, words, said] of cases) {
      master.launch(id, '', { ...imageOf(image), command: { ...own, arguments: words } });
      expect(await bench.output(id, /./)).toBe(said);
      await master.untilState(id, 'TASK_FINISHED');
    }
    master.launch('e', '', {
      ...imageOf(name),
      command: { ...own, value: '/bin/echo', arguments: ['echo', 'mine'] },
    });
    expect(await bench.output('e', /./)).toBe('mine\n');
    master.launch('f', '', { ...imageOf(nothing), command: own });
    await master.untilState('f', 'TASK_FAILED');
    expect(master.statuses('f').at(-1)?.message).toBe('the task must have a command with a value');
  });

  test('G81: two tasks of one image do not see what the other writes', async () => {
    const { master } = bench;
    const { name } = await registry.add('shared', { layers: [await tarOf({ data: 'image' })] });
    for (const id of ['t1', 't2'])
      master.launch(
        id,
        `echo ${id} > /data; until [ -e ${'$MESOS_SANDBOX'}/go ]; do sleep 0.05; done; cat /data`,
        imageOf(name),
      );
    for (const id of ['t1', 't2']) await master.untilState(id, 'TASK_RUNNING');
    expect(registry.asked).toHaveLength(1);
    for (const id of ['t1', 't2']) {
      await writeFile(bench.sandbox(id, 'go'), '');
      expect(await bench.output(id, /./)).toBe(`${id}\n`);
    }
  });

  test('what cannot be had is told, and a task that is not wanted any more is not waited for', async () => {
    const { master } = bench;
    const missing = `${registry.address}/missing:1`;
    master.launch('t1', 'true', imageOf(missing));
    await master.untilState('t1', 'TASK_FAILED');
    expect(master.statuses('t1').at(-1)).toMatchObject({
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: `cannot pull image '${missing}': its registry does not have it`,
    });
    const { name, release } = await registry.add('slow', { hold: true });
    await bench.restart([...flags, '--launch-progress-interval=1ms']);
    master.launch('t2', 'true', imageOf(name));
    await master.until('progress', () =>
      master.statuses('t2').some(({ message }) => message?.startsWith(`pulling image ${name}: `)),
    );
    master.kill('t2');
    await master.untilState('t2', 'TASK_KILLED');
    release();
    await bench.restart([...flags, '--image-providers=']);
    master.launch('t3', 'true', imageOf(name));
    await master.untilState('t3', 'TASK_FAILED');
    expect(master.statuses('t3').at(-1)?.message).toBe(
      `no image '${name}': this agent has no images (--image-providers, --image-directory)`,
    );
  });

  test('an image may say itself who may have it, and nobody is shown that', async () => {
    const { master } = bench;
    const who = { username: 'ann', password: 'sesame', by: 'token' } as const;
    const other = await ImageRegistry.start(who);
    try {
      const { name } = await other.add('private');
      master.launch('t1', 'true', imageOf(name));
      await master.untilState('t1', 'TASK_FAILED');
      const data = Buffer.from(dockerConfigOf(other.address, who));
      const config = { type: Secret_Type.VALUE, value: { data } };
      master.launch('t2', 'exec sleep 300', imageOf(name, { docker: { name, config } }));
      await master.untilState('t2', 'TASK_RUNNING');
      await bench.restart([...flags, `--docker-config=${data.toString()}`]);
      const told = JSON.stringify(master.registers.at(-1)?.tasks, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      expect(told).toContain(name);
      expect(told).toContain('"config":{"type":"VALUE"}');
      // The agent's own will do too; without a copy that is taken for it.
      const asked = other.asked.length;
      master.launch('t3', 'true', imageOf(name, { docker: { name }, cached: false }));
      await master.untilState('t3', 'TASK_FINISHED');
      expect(other.asked.length).toBeGreaterThan(asked);
    } finally {
      other.close();
    }
  });

  test('G65: the files of an image as a volume, with and without one of its own', async () => {
    const { master } = bench;
    const { name } = await registry.add('root');
    const { name: data } = await registry.add('data', { layers: [await tarOf({ 'srv/page': 'hello' })] });
    const volume = (containerPath: string, mode: Volume_Mode): Volume => ({
      containerPath,
      mode,
      image: { docker: { name: data } },
    });
    const container = (more: Partial<ContainerInfo>): { readonly container: ContainerInfo } => ({
      container: {
        type: ContainerInfo_Type.MESOS,
        networkInfos: [],
        volumes: [volume('own', Volume_Mode.RW), volume('fixed', Volume_Mode.RO)],
        ...more,
      },
    });
    const look =
      'cat own/srv/page fixed/srv/page; echo x > own/new && cat own/new; echo x > fixed/new || echo kept';
    master.launch(
      't1',
      `${look}; until [ -e go ]; do sleep 0.05; done; cat fixed/srv/page; sleep 300`,
      container({}),
    );
    expect(await bench.output('t1', /kept/)).toBe('hellohellox\nkept\n');
    await master.untilState('t1', 'TASK_RUNNING');
    await bench.restart([...flags, '--image-gc-headroom=1', '--image-gc-interval=100ms']);
    master.launch('t2', 'cat /mnt/data/srv/page; echo y > /mnt/data/new && cat /mnt/data/*; sleep 300', {
      ...container({ ...imageOf(name).container, volumes: [volume('/mnt/data', Volume_Mode.RW)] }),
    });
    expect(await bench.output('t2', /y/)).toMatch(/^hello.*y\n$/s);
    // An image is in use also where it is but a volume.
    await writeFile(bench.sandbox('t1', 'go'), '');
    expect(await bench.output('t1', /kept\nhello/)).toContain('hello');
    for (const id of ['t1', 't2']) {
      master.kill(id, 0);
      await master.untilState(id, 'TASK_KILLED');
    }
    while ((await layers()).length > 0) await pause(20);
  });

  test('devices of an image are nobody’s', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meseta-device-'));
    try {
      execFileSync('sh', ['-c', 'mknod disk c 1 5 && tar -cf layer.tar disk'], { cwd: folder });
      const { name } = await registry.add('device', { layers: [await readFile(join(folder, 'layer.tar'))] });
      bench.master.launch('t1', 'ls -l /disk; head -c 1 /disk || echo none', imageOf(name));
      expect(await bench.output('t1', /none/)).toMatch(/^c/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
