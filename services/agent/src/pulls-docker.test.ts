import type Docker from 'dockerode';
import { ExecutorInfo_Type } from '@meseta/protocol';
import { AgentBench } from './testdata/agent-bench';
import { containerInfo, dockerSuite, dockerTestMs, openDocker, socketPath } from './testdata/docker-place';
import { taskInfo } from './testdata/fake-master';
import { ImageRegistry } from './testdata/image-registry';

dockerSuite('an agent whose tasks wait for their images', () => {
  const flags = [
    '--runtimes=process,docker',
    `--docker-socket=${socketPath}`,
    '--launch-progress-interval=50ms',
    '--executor-registration-timeout=1s',
  ];
  let docker: Docker;
  let bench: AgentBench;
  let registry: ImageRegistry;
  beforeAll(async () => {
    docker = await openDocker();
  }, dockerTestMs);
  beforeEach(async () => {
    registry = await ImageRegistry.start();
    bench = await AgentBench.open(flags);
  }, dockerTestMs);
  afterEach(async () => {
    await bench.close();
    registry.close();
  }, dockerTestMs);
  const check = (title: string, fn: () => Promise<void>): void => test(title, fn, dockerTestMs);

  check('E22: an executor’s time to subscribe begins when its image is there', async () => {
    const { name, release } = await registry.add('test/executor', { hold: true });
    const { master } = bench;
    master.launchGroup('slow', [taskInfo('t1', '')], {
      type: ExecutorInfo_Type.CUSTOM,
      container: containerInfo({ image: name }),
      command: { uris: [], arguments: [], value: 'sleep 600' },
    });
    await master.until('it is pulled', () => registry.asked.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(master.states('t1')).not.toContain('TASK_FAILED');
    release();
    await master.until('it has not subscribed', () => master.states('t1').includes('TASK_FAILED'), 20_000);
    expect(master.statuses('t1').at(-1)?.reason).toBe('REASON_EXECUTOR_REGISTRATION_TIMEOUT');
    await docker.getImage(name).remove({ force: true });
  });

  check('how far a pull is, and the end of the agent meanwhile', async () => {
    const { name } = await registry.add('test/slow', { hold: true });
    const { master } = bench;
    master.launch('t1', 'true', { container: containerInfo({ image: name }) });
    const told = () => master.statuses('t1').map(({ message }) => message ?? '');
    await master.until('progress', () => told().some((words) => words.startsWith(`pulling image ${name}: `)));
    expect(new Set(master.states('t1'))).toEqual(new Set(['TASK_STARTING']));
    await bench.restart(flags);
    // Nobody killed it: it was dropped before it began.
    await master.untilState('t1', 'TASK_DROPPED');
    expect(master.statuses('t1').at(-1)?.reason).toBe('REASON_AGENT_RESTARTED');
  });

  check(
    'G82: an image that was pulled goes again when the disk is fuller than the operator wants it',
    async () => {
      await bench.restart([...flags, '--image-gc-headroom=1', '--image-gc-interval=100ms']);
      const { name } = await registry.add('test/passing');
      const { master } = bench;
      master.launch('t1', 'true', { container: containerInfo({ image: name }) });
      await master.untilState('t1', 'TASK_FINISHED');
      const isGone = (): Promise<boolean> =>
        docker
          .getImage(name)
          .inspect()
          .then(
            () => false,
            () => true,
          );
      await eventually('the image is gone', isGone);
      // The engine answers a moment after others see it gone.
      await eventually('that is counted', async () =>
        (await bench.agent.metrics.registry.metrics()).includes('meseta_agent_images_deleted_total 1'),
      );
    },
  );

  check('E1: an executor finds the agent’s socket in its container', async () => {
    await bench.restart([...flags, '--executor-domain-sockets']);
    const { master } = bench;
    master.launchGroup('near', [taskInfo('t1', '')], {
      type: ExecutorInfo_Type.CUSTOM,
      container: containerInfo({}),
      command: { uris: [], arguments: [], value: 'ls -lA $MESOS_DOMAIN_SOCKET /mnt/mesos/agent; sleep 600' },
    });
    expect(await bench.output('near', /agent:\ntotal .*\n.*\n/)).toMatch(
      /^srw-rw-rw- .* \/mnt\/mesos\/agent\/agent\.sock\n\n\S+:\ntotal 0\nsrw-rw-rw- .* agent\.sock\n$/,
    );
  });

  check('E21: a container of an executor may use what its tasks ask for, as they come', async () => {
    const { master } = bench;
    const executor = {
      type: ExecutorInfo_Type.CUSTOM,
      container: containerInfo(),
      command: { uris: [], arguments: [], value: 'sleep 600' },
    };
    const memory = async (): Promise<number> => {
      const [container] = await docker.listContainers({ filters: { label: ['meseta.task=grows'] } });
      if (container === undefined) return 0;
      const { HostConfig } = await docker.getContainer(container.Id).inspect();
      return (HostConfig.Memory ?? 0) / 1024 / 1024;
    };
    const untilMemory = (megabytes: number): Promise<void> =>
      eventually(`it has ${megabytes} MB`, async () => (await memory()) === megabytes);
    master.launchGroup('grows', [taskInfo('t1', '')], executor);
    await untilMemory(32 + 64);
    master.launchGroup('grows', [taskInfo('t2', '')], executor);
    await untilMemory(32 + 64 + 64);
  });
});

async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries++) {
    if (tries === 200) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
