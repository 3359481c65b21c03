import { join } from 'node:path';
import { connect } from '@meseta/sdk';
import { Rig, offerWith } from '../integration/harness';

/** Every series that a service has now, as its line begins: name and labels. */
async function seriesOf(http: string): Promise<Set<string>> {
  const text = await (await fetch(`http://${http}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('meseta_'));
  return new Set(lines.map((line) => line.slice(0, line.lastIndexOf(' '))));
}

describe('however much a cluster does, its series are as many as before', () => {
  const rig = new Rig();
  const http = new Map<string, string>();
  let master = '';

  beforeAll(async () => {
    const registry = await rig.start('registry', ['--store', 'memory']);
    const allocator = await rig.start('allocator', ['--min-allocatable', 'cpus:0.01']);
    const leader = await rig.start('master', ['--registry', registry.grpc, '--allocator', allocator.grpc]);
    master = leader.grpc;
    const agent = await rig.start('agent', [
      ...['--master', master, '--work-dir', join(rig.folder, 'agent'), '--runtimes', 'fake'],
      ...['--resources', 'cpus:16;mem:4096'],
    ]);
    for (const { name, http: address } of [registry, allocator, leader, agent])
      http.set(name.replace(/-\d+$/, ''), address);
  }, 60_000);

  afterAll(() => rig.stop(), 60_000);

  /** A framework that runs tasks to their ends, and goes. */
  async function work(name: string, tasks: number): Promise<void> {
    const scheduler = await connect({ master, framework: { name, role: 'test' } });
    const small = 'cpus:0.01;mem:1';
    const offer = await offerWith(scheduler, `cpus:${0.01 * tasks};mem:${tasks}`);
    const launched = await Promise.all(
      Array.from({ length: tasks }, (_, index) =>
        offer.launch({
          name: `${name}-${index}`,
          command: index % 2 === 0 ? 'exit 0' : 'exit 1',
          resources: small,
        }),
      ),
    );
    await Promise.all(launched.map((task) => task.finished()));
    await scheduler.teardown();
  }

  test('of tasks, frameworks and offers there may be any number', async () => {
    await work('first', 4);
    const before = new Map<string, Set<string>>();
    for (const [service, address] of http) before.set(service, await seriesOf(address));
    for (let index = 0; index < 12; index++) await work(`many-${index}`, 25);
    for (const [service, address] of http) {
      const known = before.get(service) ?? new Set();
      const added = [...(await seriesOf(address))].filter((series) => !known.has(series));
      // 300 tasks of 12 frameworks: one label with an id would have added hundreds. A state may be seen for the first time.
      expect([service, known.size > 5, added.length < 40]).toEqual([service, true, true]);
      expect(added.filter((series) => /many|[0-9a-f]{8}-[0-9a-f]{4}-/.test(series))).toEqual([]);
    }
  }, 60_000);
});
