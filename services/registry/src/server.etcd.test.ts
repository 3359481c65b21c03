/** Elections and the fence over a real etcd, through two instances of the registry. */
import { registryOptions } from './config';
import type { RegistryServer } from './server';
import { refused, until } from './store/behaviour';
import { startEtcd, withoutEtcd, type EtcdProcess } from './store/etcd-process';
import { commitWeights, keptRoles, startRegistry, TestCandidate } from './testing';

jest.setTimeout(30_000);

const ttlMs = 2000;

if (withoutEtcd()) {
  test('etcd is left out, as MESETA_TEST_WITHOUT_ETCD says', () => undefined);
} else {
  let etcd: EtcdProcess;
  let registries: RegistryServer[];
  const candidates: TestCandidate[] = [];
  const start = (leaseTtl = ttlMs) => startRegistry({ store: 'etcd', etcd: [etcd.address], leaseTtl });
  const address = (index: number): string => registries[index]?.grpcAddress ?? '';
  const stand = (
    name: string,
    index: number,
    ...carried: ConstructorParameters<typeof TestCandidate>[2][]
  ) => {
    const candidate = new TestCandidate(name, address(index), ...carried);
    candidates.push(candidate);
    return candidate;
  };

  beforeEach(async () => {
    etcd = await startEtcd();
    registries = [await start(), await start()];
  });
  afterEach(async () => {
    candidates.splice(0).forEach((candidate) => candidate.die());
    etcd.resume();
    await Promise.all(registries.map((registry) => registry.close()));
    await etcd.close();
  });

  test('a term that is over cannot write, through whichever instance', async () => {
    const first = stand('m1', 0);
    const { term } = await first.elected();
    await commitWeights(address(0), term, 'one');
    await commitWeights(address(1), term, 'two');
    first.die();
    const next = await stand('m2', 1).elected();
    expect(next.term).toBeGreaterThan(term);
    expect(await refused(commitWeights(address(0), term, 'late'))).toMatchObject({ kind: 'fenced' });
    expect(await refused(commitWeights(address(1), term, 'late'))).toMatchObject({ kind: 'fenced' });
    await commitWeights(address(0), next.term, 'three');
    expect(await keptRoles(address(1))).toEqual(['one', 'three', 'two']);
  });

  test('a broken stream gives the lease back at once', async () => {
    // The lease would outlast the test: only giving it back lets the next one lead.
    registries.push(await start(60_000), await start(60_000));
    const first = stand('m1', 2);
    await first.elected();
    const second = stand('m2', 3);
    await second.told('waiting');
    first.die();
    await second.elected();
  });

  test('when an instance stops, its leader carries the lease to another and stays leader', async () => {
    const first = stand('m1', 0);
    const elected = await first.elected();
    const rival = stand('m2', 1);
    await rival.told('waiting');
    await registries.shift()?.close();
    expect(await first.ended()).toMatchObject({ kind: 'notLeader' });
    const again = stand('m1', 0, elected);
    expect(await again.elected()).toEqual(elected);
    // It is renewed there, well past the lease that it brought, and nobody else was elected.
    const from = again.events.length;
    await until(() => again.events.slice(from).filter(({ $case }) => $case === 'renewed').length > 15);
    expect(rival.events.map(({ $case }) => $case)).not.toContain('elected');
    await commitWeights(address(0), elected.term, 'web');
    expect(await keptRoles(address(0))).toEqual(['web']);
  });

  test('an etcd that hangs ends the leadership within the lease', async () => {
    const leader = stand('m1', 0);
    await leader.elected();
    await leader.told('renewed');
    const lastRenewal = leader.lastEventAt;
    etcd.pause();
    expect(await leader.told('lost')).toMatchObject({
      value: { reason: 'the lease was not renewed in time' },
    });
    expect(leader.lastEventAt - lastRenewal).toBeLessThan(ttlMs + 500);
    etcd.resume();
    // Without a restart of anything: whoever stands next is elected.
    await stand('m2', 1).elected();
  });

  test('an etcd that dies ends the leadership within the lease, and readiness says so', async () => {
    const leader = stand('m1', 0);
    await leader.elected();
    await leader.told('renewed');
    const lastRenewal = leader.lastEventAt;
    await etcd.kill();
    await leader.told('lost');
    expect(leader.lastEventAt - lastRenewal).toBeLessThan(ttlMs + 500);
    const response = await fetch(`http://${registries[0]?.httpAddress}/health/ready`);
    expect(response.status).toBe(503);
    expect(await response.text()).toMatch(/^etcd at 127\.0\.0\.1:\d+ does not answer: /);
  });

  test('an etcd that cannot be reached at the start gets one line', async () => {
    await etcd.kill();
    const failed = await refused(start());
    expect(failed.message).toMatch(/^etcd at 127\.0\.0\.1:\d+ does not answer: .* \(--etcd\)$/);
  });
}

test('a lease that etcd cannot grant is refused before the start', () => {
  const config = { store: 'etcd', dataDir: undefined, leaseTtl: 2500, cluster: 'meseta' };
  expect(registryOptions.relations(config)).toBe('--lease-ttl must be whole seconds with --store etcd');
  expect(registryOptions.relations({ ...config, store: 'embedded' })).toBe(
    '--data-dir is required with --store embedded',
  );
  expect(registryOptions.relations({ ...config, leaseTtl: 2000, cluster: 'a/b' })).toMatch(
    /^--cluster must be/,
  );
  expect(registryOptions.relations({ ...config, leaseTtl: 2000 })).toBeUndefined();
});
