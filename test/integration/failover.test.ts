import { join } from 'node:path';
import type { ServiceProcess } from '@meseta/cli';
import { connect } from '@meseta/sdk';
import Docker from 'dockerode';
import { ensureTestImage } from '../../services/agent/src/testdata/docker-image';
import { Rig, eventually, offerWith, operatorOf } from './harness';

/** The image that the Docker runtime's tests make from a static busybox. */
const image = process.env['MESETA_TEST_IMAGE'] ?? 'meseta/test-busybox:latest';
const withDocker = process.env['MESETA_TEST_WITHOUT_DOCKER'] !== '1';
const dockerSocket = (process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');
const onEtcd = process.env['MESETA_TEST_WITHOUT_ETCD'] === '1' ? describe.skip : describe;

onEtcd('the leading master is killed', () => {
  const rig = new Rig();
  afterAll(() => rig.stop());

  test('the standby leads, the running task is still running, and the framework goes on with its next task', async () => {
    if (withDocker) await ensureTestImage(new Docker({ socketPath: dockerSocket }), image);
    const etcd = await rig.etcd();
    const registries = [
      await rig.start('registry', ['--store', 'etcd', '--etcd', etcd]),
      await rig.start('registry', ['--store', 'etcd', '--etcd', etcd]),
    ];
    const allocator = await rig.start('allocator', []);
    const masterArgs = [
      '--registry',
      registries.map((one) => one.grpc).join(','),
      '--allocator',
      allocator.grpc,
    ];
    const masters = [await rig.start('master', masterArgs), await rig.start('master', masterArgs)];
    const addresses = masters.map((one) => one.grpc).join(',');
    const runtimes = withDocker
      ? ['--runtimes', 'process,docker', '--docker-socket', dockerSocket]
      : ['--runtimes', 'process'];
    await rig.start('agent', [
      '--master',
      addresses,
      '--work-dir',
      join(rig.folder, 'agent'),
      '--resources',
      'cpus:4;mem:2048',
      ...runtimes,
    ]);

    const operator = operatorOf(addresses);
    const connections: boolean[] = [];
    const scheduler = await connect({
      master: addresses,
      framework: { name: 'failover-test', role: 'test', failoverTimeoutMs: '1m' },
      onConnection: (connected) => connections.push(connected),
    });
    const offer = await offerWith(scheduler, 'cpus:1;mem:64');
    const long = await offer.launch(
      withDocker
        ? { name: 'long', image, command: 'sleep 600', resources: 'cpus:1;mem:64' }
        : { name: 'long', command: 'sleep 600', resources: 'cpus:1;mem:64' },
      { refuseFor: 0 },
    );
    await long.running();
    const before = await operator.leader();

    const leader = leaderOf(masters, (await operator.version()).leader);
    leader.kill('SIGKILL');
    await leader.ended;
    await eventually(
      'the framework is subscribed with the standby',
      () => connections.at(-1) === true && connections.includes(false),
    );

    const after = await operator.leader();
    expect(Number(after.term)).toBeGreaterThan(Number(before.term));
    expect((await operator.version()).leader).toBe(masters.find((one) => one !== leader)?.grpc);
    await eventually('the agent is back with its task', async () => {
      const tasks = (await operator.tasks())?.tasks ?? [];
      return tasks.some(
        (task) => task.taskId?.value === long.id && task.state === ('TASK_RUNNING' as unknown),
      );
    });
    expect(long.state).toBe('TASK_RUNNING');

    const next = await (
      await offerWith(scheduler, 'cpus:1;mem:32')
    ).launch({ name: 'next', command: 'echo next', resources: 'cpus:1;mem:32' });
    expect((await next.finished()).state).toBe('TASK_FINISHED');

    await long.kill('1s');
    expect((await long.finished()).state).toBe('TASK_KILLED');
    operator.close();
    await scheduler.teardown();
  }, 90_000);
});

function leaderOf(masters: readonly ServiceProcess[], address: string): ServiceProcess {
  const leader = masters.find((one) => one.grpc === address);
  if (leader === undefined) throw new Error(`no master of the test is ${address}`);
  return leader;
}
