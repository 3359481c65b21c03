import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { Resources, type ContainerId } from '@meseta/model';
import { createLogger, noTracing, readConfig } from '@meseta/kit';
import { ContainerInfo_DockerInfo_Network, Volume_Mode } from '@meseta/protocol';
import { agentService } from '../config';
import { createAgentServer, type AgentServer } from '../server';
import {
  containerInfo,
  dockerSuite,
  dockerTestMs,
  openDocker,
  preparePlace,
  socketPath,
} from '../testdata/docker-place';
import { FakeMaster } from '../testdata/fake-master';
import { Bench, describeRuntime } from './behaviour';
import type { ContainerSpec } from './container-runtime';

dockerSuite('Docker', () => {
  let docker: Docker;
  beforeAll(async () => {
    docker = await openDocker();
  }, dockerTestMs);

  describeRuntime('docker', preparePlace, 60_000);

  describe('containers', () => {
    let place: Awaited<ReturnType<typeof preparePlace>>;
    let bench: Bench;
    beforeEach(async () => {
      place = await preparePlace();
      bench = await Bench.open(place);
    }, 60_000);
    afterEach(() => bench.remove(), 60_000);
    const output = (id: ContainerId, file = 'stdout'): Promise<string> =>
      readFile(join(place.root, id, file), 'utf8');
    const check = (title: string, fn: () => Promise<void>): void => test(title, fn, 60_000);
    const run = async (command: string, more: Partial<ContainerSpec> = {}): Promise<ContainerId> => {
      const id = await bench.start(command, more);
      await bench.end(id);
      return id;
    };

    check('output lies in the sandbox, which the task sees too', async () => {
      const id = await run('echo out; echo err >&2; echo "$A" >/mnt/mesos/sandbox/file', {
        environment: new Map([
          ['PATH', '/bin'],
          ['A', 'b c'],
        ]),
      });
      expect([await output(id), await output(id, 'stderr'), await output(id, 'file')]).toEqual([
        'out\n',
        'err\n',
        'b c\n',
      ]);
    });

    check('output goes on where it was after a restart of the agent', async () => {
      const id = await bench.start('echo ready; sleep 2; echo two');
      await bench.ready(id);
      await bench.restart();
      await bench.runtime.recover([{ containerId: id, ran: true, sandbox: join(place.root, id) }]);
      await bench.end(id);
      expect(await output(id)).toBe('ready\ntwo\n');
    });

    check('without a shell value and arguments are the command', async () => {
      const id = 'argv-1' as ContainerId;
      await bench.startAs(id, {
        uris: [],
        shell: false,
        value: '/bin/printf',
        arguments: ['<%s>', 'two words', ''],
      });
      await bench.end(id);
      expect(await output(id)).toBe('<two words><>');
    });

    check('a volume of the machine is there, and read-only if so', async () => {
      await writeFile(join(place.root, 'shared'), 'hello');
      const volumes = [
        { containerPath: '/shared', hostPath: join(place.root, 'shared'), mode: Volume_Mode.RO },
      ];
      const id = await run('cat /shared; echo x >/shared || echo refused', {
        container: containerInfo({}, { volumes }),
      });
      expect(await output(id)).toBe('hellorefused\n');
    });

    check('limits of memory and cpu are those of the task', async () => {
      const id = await bench.start('sleep 60', {
        limits: { cpuMilli: 500, cpuQuotaMilli: 750, memoryBytes: 64 * 1024 * 1024 },
      });
      const { HostConfig } = await docker.getContainer(`meseta-${id}`).inspect();
      expect(HostConfig).toMatchObject({
        CpuShares: 512,
        CpuQuota: 75_000,
        CpuPeriod: 100_000,
        Memory: 64 * 1024 * 1024,
      });
      expect((await bench.runtime.usage(id))?.memoryBytes).toBeGreaterThan(0);
    });

    check('a task that takes more memory than it may is ended for it', async () => {
      const id = await bench.start('exec tail /dev/zero', {
        limits: { cpuMilli: 500, memoryBytes: 32 * 1024 * 1024 },
      });
      expect(await bench.end(id)).toEqual({ kind: 'outOfMemory', limitBytes: 32 * 1024 * 1024 });
    });

    check('an image that cannot be had is told in one line', async () => {
      const start = bench.start('true', { container: containerInfo({ image: 'localhost:1/none/such:1' }) });
      await expect(start).rejects.toMatchObject({
        failure: {
          message: expect.stringMatching(/^cannot pull image 'localhost:1\/none\/such:1': [^\n]+$/),
        },
      });
    });

    check('only the task’s own ports are mapped, and volumes stay in the sandbox', async () => {
      const portMappings = [{ hostPort: 80, containerPort: 80 }];
      await expect(bench.start('true', { container: containerInfo({ portMappings }) })).rejects.toMatchObject(
        {
          failure: { message: "host_port 80 must be one of the task's ports" },
        },
      );
      const volumes = [{ containerPath: 'x', hostPath: '../../etc', mode: Volume_Mode.RW }];
      await expect(bench.start('true', { container: containerInfo({}, { volumes }) })).rejects.toMatchObject({
        failure: { message: 'volume x: a relative host_path must lie in the sandbox' },
      });
    });

    check('a bridged container has an address of its own and its port on the machine', async () => {
      const resources = Resources.parse('cpus:0.1;ports:[31987-31987]') as Resources;
      const portMappings = [{ hostPort: 31987, containerPort: 80, protocol: 'tcp' }];
      const container = containerInfo({ network: ContainerInfo_DockerInfo_Network.BRIDGE, portMappings });
      const id = await bench.start('sleep 60', { resources, container });
      const { NetworkSettings, HostConfig } = await docker.getContainer(`meseta-${id}`).inspect();
      expect(HostConfig.PortBindings).toEqual({ '80/tcp': [{ HostIp: '', HostPort: '31987' }] });
      expect(NetworkSettings.Networks['bridge']?.IPAddress).toMatch(/^\d+\./);
    });

    check('nothing is left of a container that was released', async () => {
      const id = await run('exit 0');
      await bench.runtime.release(id);
      await expect(docker.getContainer(`meseta-${id}`).inspect()).rejects.toThrow('404');
    });
  });

  test('an agent runs a task in Docker, finds it again after its restart, and ends it', async () => {
    const workDir = await mkdtemp(join(tmpdir(), 'meseta-agent-'));
    const master = await FakeMaster.start();
    const argv = [
      '--master',
      master.address,
      '--work-dir',
      workDir,
      '--port=0',
      '--http-port=0',
      '--runtimes=process,docker',
    ];
    const start = (): Promise<AgentServer> =>
      createAgentServer({
        config: readConfig(agentService, [...argv, '--docker-socket', socketPath], {}),
        log: createLogger('agent', 'silent'),
        tracing: noTracing,
        onFatal: (error) => {
          throw error;
        },
      });
    let agent = await start();
    try {
      await master.until('registered', () => agent.isRegistered());
      const command =
        "trap 'exit 3' TERM; echo $MESOS_TASK_ID in $MESOS_SANDBOX; while :; do sleep 0.1; done";
      master.launch('t1', command, { container: containerInfo() });
      await master.untilState('t1', 'TASK_RUNNING');
      await agent.close();
      agent = await start();
      await master.until('registered again', () => agent.isRegistered());
      expect(master.registers.at(-1)?.tasks).toMatchObject([{ state: 'TASK_RUNNING' }]);
      master.kill('t1', 10_000);
      await master.untilState('t1', 'TASK_KILLED');
      expect(master.statuses('t1').at(-1)?.message).toBe('Command exited with status 3');
      const sandbox = join(workDir, 'agents/agent-1/frameworks/framework/executors/t1/runs/latest');
      expect(await readFile(join(sandbox, 'stdout'), 'utf8')).toBe('t1 in /mnt/mesos/sandbox\n');
    } finally {
      await agent.unregister('the test is over');
      await agent.close();
      master.close();
      await rm(workDir, { recursive: true, force: true });
    }
  }, 60_000);
});
