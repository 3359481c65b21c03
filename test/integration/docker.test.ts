import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ServiceProcess } from '@meseta/cli';
import {
  ContainerInfo_DockerInfo_Network,
  Volume,
  type ContainerInfo,
  type ContainerInfo_DockerInfo,
} from '@meseta/protocol';
import { connect, type Scheduler, type Task, type TaskSpec, type TaskUpdate } from '@meseta/sdk';
import {
  containerInfo,
  dockerSuite,
  openDocker,
  socketPath,
  testImage,
} from '../../services/agent/src/testdata/docker-place';
import { ImageRegistry } from '../../services/agent/src/testdata/image-registry';
import { eventually, meseta, offerWith, repository, Rig } from './harness';

// Tasks in Docker containers, as frameworks and people see them: through real processes and a real engine.

const limitMs = 90_000;

dockerSuite('tasks in Docker containers', () => {
  let rig: Rig;
  let master: ServiceProcess;
  let scheduler: Scheduler;
  const updates: TaskUpdate[] = [];
  const registries: ImageRegistry[] = [];

  beforeAll(async () => {
    await openDocker();
    rig = new Rig();
    const registry = await rig.start('registry', ['--store', 'memory']);
    const allocator = await rig.start('allocator', []);
    master = await rig.start('master', ['--registry', registry.grpc, '--allocator', allocator.grpc]);
    await rig.start('agent', [
      ...['--master', master.grpc, '--work-dir', join(rig.folder, 'agent')],
      ...['--resources', 'cpus:4;mem:1024;ports:[31990-31999]', '--runtimes', 'process,docker'],
      ...['--docker-socket', socketPath],
    ]);
    scheduler = await connect({
      master: master.grpc,
      framework: { name: 'docker', role: 'docker' },
      onUpdate: (update) => void updates.push(update),
    });
  }, limitMs);
  afterAll(async () => {
    await scheduler?.teardown();
    for (const registry of registries) registry.close();
    await rig.stop();
  }, limitMs);

  async function launch(
    command: string,
    docker: Partial<ContainerInfo_DockerInfo> = {},
    more: Partial<ContainerInfo> = {},
    resources = 'cpus:0.1;mem:64',
  ): Promise<Task> {
    const offer = await offerWith(scheduler, resources);
    const spec: TaskSpec = {
      name: 'task',
      command,
      resources,
      info: { container: containerInfo(docker, more) },
    };
    return offer.launch(spec);
  }
  const statusOf = (task: Task, state: string) =>
    updates.find((update) => update.taskId === task.id && update.state === state)?.status;
  const logsOf = async (task: Task): Promise<string> => {
    const { stdout } = await meseta(['logs', task.id], master.grpc);
    return stdout;
  };
  const check = (title: string, fn: () => Promise<void>): void => test(title, fn, limitMs);

  check('parameters, volumes and a bridged port are what the framework asked for', async () => {
    const volumes = [
      Volume.fromJSON({
        containerPath: '/data',
        source: { type: 'SANDBOX_PATH', sandboxPath: { type: 'SELF', path: 'data' } },
      }),
    ];
    const task = await launch(
      'echo "$COLOUR" | busybox tee /data/index.html; exec busybox httpd -f -p 80 -h /data',
      {
        network: ContainerInfo_DockerInfo_Network.BRIDGE,
        portMappings: [{ hostPort: 31_990, containerPort: 80 }],
        parameters: [{ key: 'env', value: 'COLOUR=blue' }],
      },
      { volumes },
      'cpus:0.1;mem:64;ports:[31990-31990]',
    );
    await task.running();
    await eventually(
      'it serves',
      async () => (await (await fetch('http://127.0.0.1:31990/')).text()) === 'blue\n',
    );
    const status = statusOf(task, 'TASK_RUNNING');
    const [inspected] = JSON.parse(status?.data?.toString() ?? '[]') as {
      NetworkSettings: { IPAddress: string };
    }[];
    expect(inspected?.NetworkSettings.IPAddress).toMatch(/^\d+\./);
    expect(status?.containerStatus?.networkInfos[0]?.ipAddresses[0]?.ipAddress).toBe(
      inspected?.NetworkSettings.IPAddress,
    );
    const files = await meseta(['files', task.id, 'data'], master.grpc);
    expect(files.stdout).toContain('index.html');
    await task.kill();
    await task.finished();
  });

  check('a program in an image gets the arguments that it was given', async () => {
    // It holds all that there is.
    const all = await offerWith(scheduler, 'cpus:4');
    await scheduler.suppress();
    all.decline();
    const words = ['run', '--image', testImage, '--master', master.grpc];
    const program = await meseta([...words, '/bin/echo', 'hello', 'there']);
    expect([program.code, program.stdout]).toEqual([0, expect.stringMatching(/(^|\s)hello there\n/)]);
    expect(program.stdout).not.toContain('echo');
    const line = await meseta([...words, 'echo $0']);
    expect(line.stdout).toMatch(/\/bin\/sh\n/);
    await scheduler.revive();
  });

  check('a command beside it has a terminal, and what it prints is followed', async () => {
    const task = await launch('echo begun; while [ ! -e go ]; do sleep 0.1; done; echo went; sleep 600', {
      parameters: [{ key: 'workdir', value: '/mnt/mesos/sandbox' }],
    });
    await task.running();
    const said = await typed(
      ['exec', '-it', task.id, 'sh'],
      'busybox tty; busybox stty size; echo "$MESOS_TASK_ID"; exit 7\n',
    );
    expect(said.code).toBe(7);
    expect(said.stdout).toMatch(/\/dev\/pts\/\d+\r\n24 80\r\n/);
    expect(said.stdout).toContain(`${task.id}\r\n`);
    const piped = await typed(['exec', '-i', task.id, 'cat'], 'one\ntwo\n');
    expect([piped.code, piped.stdout]).toEqual([0, 'one\ntwo\n']);
    const attached = follow(['attach', task.id]);
    await eventually('it is attached', () => attached.isReady());
    // It prints only what comes from now on; until it has asked where that is, nothing must come.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await meseta(['exec', task.id, 'touch', 'go'], master.grpc)).code).toBe(0);
    await eventually('what came after', () => attached.said() === 'went\n');
    await task.kill();
    await task.finished();
    expect(await attached.ended).toBe(0);
    expect(await logsOf(task)).toBe('begun\nwent\n');
  });

  check('what is typed after attach -i goes to its terminal, again and again', async () => {
    const task = await launch(
      'busybox tty; while read line; do echo "said $line"; done; sleep 600',
      {},
      { ttyInfo: {} },
    );
    await task.running();
    for (const word of ['one', 'two']) {
      const attached = follow(['attach', '-i', task.id]);
      attached.type(`${word}\n`);
      await eventually('it answers', () => attached.said().includes(`said ${word}\r\n`));
      attached.leave();
    }
    expect(await logsOf(task)).toBe('/dev/pts/0\r\none\r\nsaid one\r\ntwo\r\nsaid two\r\n');
    await task.kill();
    await task.finished();
  });

  test.each<[string, Partial<ContainerInfo_DockerInfo>, string]>([
    ['privileged', { privileged: true }, 'docker.privileged needs an agent with --docker-allow-privileged'],
    [
      'the namespace of the machine',
      { parameters: [{ key: 'pid', value: 'host' }] },
      "docker parameter 'pid' with the value 'host' needs an agent with --docker-allow-privileged",
    ],
    [
      'an option that nobody knows',
      { parameters: [{ key: 'colour', value: 'red' }] },
      "docker parameter 'colour' is not one that this agent knows",
    ],
  ])(
    '%s is refused, and the framework is told why',
    async (_, docker, message) => {
      const task = await launch('true', docker);
      await task.finished();
      expect([task.state, statusOf(task, 'TASK_FAILED')?.message]).toEqual(['TASK_FAILED', message]);
    },
    limitMs,
  );

  check('a task that takes too much memory fails with the reason', async () => {
    const task = await launch('exec tail /dev/zero');
    await task.finished();
    expect(statusOf(task, 'TASK_FAILED')).toMatchObject({
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      message: 'Memory limit exceeded: the limit is 64 MB',
    });
  });

  check('a pull takes its time, and a kill ends it', async () => {
    const registry = await ImageRegistry.start();
    registries.push(registry);
    const { name, release } = await registry.add('test/slow', { hold: true });
    const task = await launch('true', { image: name });
    await eventually('it is being pulled', () => registry.asked.length > 0);
    // Others are not held up.
    const other = await launch('true');
    await other.finished();
    expect(other.state).toBe('TASK_FINISHED');
    await task.kill();
    await task.finished();
    expect(task.state).toBe('TASK_KILLED');
    release();
  });

  /** Runs the command line with somebody who types. */
  async function typed(args: readonly string[], input: string) {
    const child = start(args);
    child.stdin.end(input);
    let stdout = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, stdout };
  }

  /** Runs the command line until it ends by itself. */
  function follow(args: readonly string[]) {
    const child = start(args);
    let stdout = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return {
      said: () => stdout,
      ended,
      isReady: () => child.pid !== undefined,
      type: (text: string) => void child.stdin.write(text),
      leave: () => child.kill('SIGINT'),
    };
  }

  function start(args: readonly string[]) {
    return spawn(process.execPath, [join(repository, 'bin/meseta'), ...args], {
      env: { ...process.env, MESETA_MASTER: master.grpc },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }
});
