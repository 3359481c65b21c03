import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceProcess } from '@meseta/cli';
import { isFailure, type Resources } from '@meseta/model';
import { resourcesFromProto } from '@meseta/protocol';
import { connect, type Offer, type Scheduler } from '@meseta/sdk';
import { Rig, eventually, meseta, operatorOf } from './harness';

describe('an operator sets resources aside', () => {
  const rig = new Rig();
  const schedulers: Scheduler[] = [];
  let registry: ServiceProcess;
  let allocator: ServiceProcess;
  let master: ServiceProcess;
  let agent: ServiceProcess;
  const workDir = join(rig.folder, 'agent');
  const volume = join(workDir, 'volumes/roles/web/data-1');

  const startMaster = (port = '0'): Promise<ServiceProcess> =>
    rig.start('master', [
      ...['--registry', registry.grpc, '--allocator', allocator.grpc, '--port', port],
      ...['--offer-timeout', '0'],
    ]);
  const startAgent = (): Promise<ServiceProcess> =>
    rig.start('agent', [
      ...['--master', master.grpc, '--work-dir', workDir, '--hostname', 'box', '--runtimes', 'process'],
      ...['--resources', 'cpus:2;mem:256;disk:200'],
    ]);
  const offersTo = async (role: string): Promise<() => Offer[]> => {
    const scheduler = await connect({
      master: master.grpc,
      framework: { name: role, role, failoverTimeoutMs: '1m' },
    });
    schedulers.push(scheduler);
    const offers: Offer[] = [];
    void (async () => {
      for await (const offer of scheduler.offers()) offers.push(offer);
    })().catch(() => undefined);
    return () => offers.filter(({ open }) => open);
  };
  /** What the agent has, in the master's words. */
  const total = async (): Promise<Resources> => {
    const operator = operatorOf(master.grpc);
    try {
      const read = resourcesFromProto((await operator.agents()).agents?.agents[0]?.totalResources ?? []);
      if (isFailure(read)) throw new Error(read.message);
      return read;
    } finally {
      operator.close();
    }
  };
  const said = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await meseta([...args, '--master', master.grpc]);
    return stdout + stderr;
  };

  beforeAll(async () => {
    registry = await rig.start('registry', [
      ...['--store', 'embedded', '--data-dir', join(rig.folder, 'registry')],
    ]);
    allocator = await rig.start('allocator', []);
    master = await startMaster();
    agent = await startAgent();
    await eventually('the agent is there', async () => !(await total()).isEmpty);
  }, 60_000);
  afterAll(async () => {
    for (const scheduler of schedulers) await scheduler.stop();
    await rig.stop();
  }, 60_000);

  test('what is offered is taken back, and offered to whom it is reserved', async () => {
    const batch = await offersTo('batch');
    await eventually('batch holds everything', () => batch()[0]?.fits('cpus:2;mem:256') === true);
    const web = await offersTo('web');
    expect(await said('reserve', 'box', 'cpus:1;disk:100', '--role', 'web')).toBe(
      'cpus:1;disk:100 of box is reserved to role web\n',
    );
    const reserved = (offer: Offer | undefined): string =>
      offer?.resources
        .filter((entry) => entry.reservations.length > 0)
        .unallocate()
        .toString() ?? '';
    await eventually('web is offered what is reserved to it', () => {
      return reserved(web()[0]) === 'cpus(web)[dynamic]:1;disk(web)[dynamic]:100';
    });
    expect(await said('reserve', 'box', 'cpus:2', '--role', 'web')).toMatch(
      /^meseta: agent .* has no cpus:2\n$/,
    );
    expect(await said('unreserve', 'box', 'cpus:1', '--role', 'db')).toMatch(
      /has nothing reserved to role db/,
    );
  }, 60_000);

  test('a volume is made, grows, and is as it was after everybody was killed', async () => {
    expect(await said('volumes', 'create', 'box', 'data-1', '40', '--role', 'web')).toBe(
      'volume data-1 of 40 MB is on box\n',
    );
    await eventually('its folder is there', () => existsSync(volume));
    expect(await said('volumes', 'resize', 'box', 'data-1', '60')).toBe('volume data-1 has 60 MB on box\n');
    expect(await said('volumes')).toMatch(/data-1 +web +60 +no +\S+ +box\n/);
    const before = await total();
    await eventually('the agent has done it', async () => {
      const metrics = await (await fetch(`http://${master.http}/metrics`)).text();
      return /operations_total\{type="GROW_VOLUME",state="OPERATION_FINISHED"\} 1/.test(metrics);
    });

    const port = master.grpc.split(':')[1];
    for (const service of [master, agent]) {
      service.kill('SIGKILL');
      await service.ended;
    }
    master = await startMaster(port);
    agent = await startAgent();
    await eventually('all of it is as it was', async () => (await total()).equals(before));
  }, 60_000);

  test('and all of it is undone', async () => {
    expect(await said('volumes', 'destroy', 'box', 'data-1')).toBe('volume data-1 is not on box any more\n');
    await eventually('its folder is gone', () => !existsSync(volume));
    expect(await said('reserve', 'box', 'cpus:1', '--role', 'db', '--from', 'web')).toContain('role db');
    expect(await said('unreserve', 'box', 'cpus:1', '--role', 'db')).toContain('not reserved to role db');
    expect(await said('unreserve', 'box', 'disk:100', '--role', 'web')).toContain('not reserved to role web');
    expect((await total()).toString()).not.toContain('dynamic');
    expect(await said('volumes')).toBe('no volumes\n');
  }, 60_000);
});
