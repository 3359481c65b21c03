import { join } from 'node:path';
import { DrainState } from '@meseta/protocol';
import { connect } from '@meseta/sdk';
import { Rig, eventually, meseta, offerWith, operatorOf } from './harness';

const onEtcd = process.env['MESETA_TEST_WITHOUT_ETCD'] === '1' ? describe.skip : describe;

onEtcd('an agent is drained', () => {
  const rig = new Rig();
  afterAll(() => rig.stop());

  test('its task is killed, nothing is offered of it until it is activated, and another leader goes on from there', async () => {
    const registry = await rig.start('registry', ['--store', 'etcd', '--etcd', await rig.etcd()]);
    const allocator = await rig.start('allocator', []);
    const masterArgs = ['--registry', registry.grpc, '--allocator', allocator.grpc];
    const masters = [await rig.start('master', masterArgs), await rig.start('master', masterArgs)];
    const addresses = masters.map((one) => one.grpc).join(',');
    await rig.start('agent', [
      ...['--master', addresses, '--work-dir', join(rig.folder, 'agent')],
      ...['--resources', 'cpus:1;mem:256', '--runtimes', 'process'],
    ]);
    const operator = operatorOf(addresses);
    const scheduler = await connect({
      master: addresses,
      framework: { name: 'draining-test', role: 'test', failoverTimeoutMs: '1m' },
    });

    const agent = async () => (await operator.agents()).agents?.agents[0];
    const isWithheld = (why: string) =>
      eventually(`nothing is offered of the agent: ${why}`, async () => {
        const { roles } = await operator.explain(scheduler.frameworkId);
        return roles[0]?.agents[0]?.reason === why;
      });
    const runTask = async (name: string) => {
      const offer = await offerWith(scheduler, 'cpus:1;mem:64');
      const task = await offer.launch(
        { name, command: 'trap "" TERM; sleep 600', resources: 'cpus:1;mem:64' },
        { refuseFor: 0 },
      );
      await task.running();
      return task;
    };
    /** Its task would go on for long: it is cut off after the operator's grace. */
    const drain = async (name: string): Promise<void> => {
      const task = await runTask(name);
      const id = (await agent())?.agentInfo?.id?.value ?? '';
      const said = await meseta(['drain', id, '--grace', '200ms'], addresses);
      expect([said.code, said.stderr]).toEqual([0, '']);
      const end = await task.finished();
      expect([end.state, end.last?.reason]).toEqual(['TASK_KILLED', 'AGENT_DRAINING']);
      await eventually(
        'the agent is empty',
        async () => (await agent())?.drainInfo?.state === DrainState.DRAINED,
      );
      await isWithheld('drained');
    };
    const activate = async (): Promise<void> => {
      const id = (await agent())?.agentInfo?.id?.value ?? '';
      expect(await meseta(['activate', id], addresses)).toMatchObject({ code: 0, stderr: '' });
      expect(await agent()).toMatchObject({ deactivated: false });
    };

    await drain('first');
    await activate();
    await drain('second');

    const address = (await operator.version()).leader;
    const leader = masters.find((one) => one.grpc === address);
    leader?.kill('SIGKILL');
    await leader?.ended;
    await eventually('the standby leads and has the agent', async () => {
      const { leader: now } = await operator.version();
      return now !== '' && now !== address && (await agent())?.active === true;
    });
    expect(await agent()).toMatchObject({ deactivated: true, drainInfo: { state: 'DRAINED' } });
    await isWithheld('drained');
    await activate();
    await drain('third');

    operator.close();
    await scheduler.teardown();
  }, 90_000);
});
