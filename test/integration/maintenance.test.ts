import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { callUnary } from '@meseta/kit';
import { Resources } from '@meseta/model';
import {
  Offer_Operation_Type,
  SchedulerServiceClient,
  TaskState,
  resourcesToProto,
  type SubscribeResponse,
  type scheduler as v1,
} from '@meseta/protocol';
import { Rig, eventually, meseta, operatorOf, run } from './harness';

describe('the maintenance of a machine', () => {
  const rig = new Rig();
  afterAll(() => rig.stop());

  test('frameworks are asked and answer; then its agent ends, is refused, and comes back when it is over', async () => {
    const registry = await rig.start('registry', ['--store', 'memory']);
    const allocator = await rig.start('allocator', []);
    const master = await rig.start('master', ['--registry', registry.grpc, '--allocator', allocator.grpc]);
    const agentArgs = [
      ...['--master', master.grpc, '--work-dir', join(rig.folder, 'agent'), '--hostname', 'host-1'],
      ...['--resources', 'cpus:1;mem:128', '--runtimes', 'process'],
    ];
    const agent = await rig.start('agent', agentArgs);
    const operator = operatorOf(master.grpc);
    const client = new SchedulerServiceClient(master.grpc, credentials.createInsecure());
    const events: v1.Event[] = [];
    const stream = client.subscribe({
      subscribe: {
        frameworkInfo: { name: 'm', user: 'root', roles: [], capabilities: [], offerFilters: {} },
        suppressedRoles: [],
      },
    });
    stream.on('data', (response: SubscribeResponse) => events.push(...response.events));
    stream.on('error', () => undefined);
    const first = async <T>(what: string, of: (event: v1.Event) => T | undefined): Promise<T> => {
      const found = (): T | undefined => events.map(of).find((one) => one !== undefined);
      await eventually(what, () => found() !== undefined);
      return found() as T;
    };
    const caller = {
      frameworkId: await first('subscribed', (event) => event.subscribed?.frameworkId),
      streamId: '',
    };

    const offer = await first('an offer', (event) => event.offers?.offers[0]);
    expect(offer.unavailability).toBeUndefined();
    const taskInfo = {
      name: 't',
      limits: {},
      taskId: { value: 't' },
      agentId: offer.agentId,
      command: { value: 'exec sleep 600.25', uris: [], arguments: [] },
      resources: resourcesToProto(Resources.parse('cpus:0.5;mem:32') as Resources),
    };
    await callUnary(client.accept.bind(client), {
      ...caller,
      accepts: [
        {
          offerIds: offer.id === undefined ? [] : [offer.id],
          operations: [{ type: Offer_Operation_Type.LAUNCH, launch: { taskInfos: [taskInfo] } }],
          filters: { refuseSeconds: 0 },
        },
      ],
    });
    // Its next update waits for an acknowledgement that nobody sends here.
    const statusIn = (state: TaskState) => (event: v1.Event) =>
      event.update?.status?.state === state ? event.update.status : undefined;
    await first('the task starts', statusIn(TaskState.TASK_STARTING));

    const planned = await meseta(
      ['maintenance', 'schedule', 'host-1', '--at', '1h', '--for', '2h'],
      master.grpc,
    );
    expect([planned.code, planned.stderr]).toEqual([0, '']);
    const inverse = await first('an inverse offer', (event) => event.inverseOffers?.inverseOffers[0]);
    expect(inverse.unavailability?.duration?.nanoseconds).toBe(7_200_000_000_000n);
    await first('an offer with the window', (event) => event.offers?.offers[0]?.unavailability);
    const asked = await operator.maintenanceStatus();
    expect(asked.drainingMachines[0]?.statuses).toMatchObject([{ status: 'UNKNOWN' }]);
    await callUnary(client.acceptInverseOffers.bind(client), {
      ...caller,
      accepts: [{ inverseOfferIds: inverse.id === undefined ? [] : [inverse.id] }],
    });
    const said = await meseta(['maintenance', 'status'], master.grpc);
    expect(said.stdout).toMatch(/^host-1 +SCHEDULED +\S+ +ACCEPT/m);

    await eventually('the task runs', async () => (await run('pgrep', ['-f', '^sleep 600.25'])).code === 0);
    expect(await meseta(['maintenance', 'start', 'host-1'], master.grpc)).toMatchObject({ code: 0 });
    await agent.ended;
    await eventually(
      'its task has ended with it',
      async () => (await run('pgrep', ['-f', '^sleep 600.25'])).code === 1,
    );
    const lost = await first('the task is lost', statusIn(TaskState.TASK_LOST));
    expect(lost.reason).toBe('REASON_AGENT_REMOVED');
    // Whether it is refused before or after it says that it listens, it ends.
    const again = rig.start('agent', agentArgs).then(
      (one) => one.ended,
      (error: Error) => error.message,
    );
    expect(await again).not.toBe('');
    expect((await operator.agents()).statuses).toEqual([]);
    expect((await operator.maintenanceStatus()).downMachines).toMatchObject([{ hostname: 'host-1' }]);

    expect(await meseta(['maintenance', 'stop', 'host-1'], master.grpc)).toMatchObject({ code: 0 });
    await rig.start('agent', agentArgs);
    await eventually(
      'the agent is back',
      async () => (await operator.agents()).agents?.agents[0]?.active === true,
    );
    expect((await operator.maintenanceSchedule()).windows).toEqual([]);
    // Its task outlived it; the framework was told its end, so it is killed.
    await eventually('nothing is used', async () => {
      const [back] = (await operator.agents()).agents?.agents ?? [];
      return back?.allocatedResources.length === 0;
    });
    stream.cancel();
    client.close();
    operator.close();
  }, 60_000);
});
