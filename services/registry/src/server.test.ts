import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callUnary, failureOf } from '@meseta/kit';
import type { Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { RegistryServer } from './server';
import { refused, until } from './store/behaviour';
import { commitWeights, connect, keptRoles, readSnapshot, startRegistry, TestCandidate } from './testing';

let registry: RegistryServer;
const candidates: TestCandidate[] = [];
const stand = (name: string, carried?: internal.Elected): TestCandidate => {
  const candidate = new TestCandidate(name, registry.grpcAddress, carried, 50);
  candidates.push(candidate);
  return candidate;
};

beforeEach(async () => {
  registry = await startRegistry({ leaseTtl: 1_000 });
});
afterEach(async () => {
  candidates.splice(0).forEach((candidate) => candidate.die());
  await registry.close();
});

describe('campaigns', () => {
  test('the first candidate leads, the second waits and is told for whom', async () => {
    const first = stand('m1');
    const { term, ttlMs } = await first.elected();
    expect(term).toBeGreaterThan(0n);
    expect(ttlMs).toBe(1000n);
    const second = stand('m2');
    expect(await second.told('waiting')).toMatchObject({
      value: { leader: { id: 'm1', grpcAddress: 'a:1' } },
    });
    // Its heartbeats are answered too: without answers it would look for another instance.
    expect(await second.told('renewed')).toMatchObject({ value: { ttlMs: 1000n } });
    expect(await first.told('renewed')).toMatchObject({ value: { ttlMs: 1000n } });
  });

  test('when the leader dies the next one leads at once, under a higher term', async () => {
    // The lease would outlast the test: only giving it back lets the next one lead.
    await registry.close();
    registry = await startRegistry({ leaseTtl: 60_000 });
    const first = stand('m1');
    const { term } = await first.elected();
    const second = stand('m2');
    await second.told('waiting');
    first.die();
    expect((await second.elected()).term).toBeGreaterThan(term);
  });

  test('a leader that hangs is told that it lost, and the next one leads', async () => {
    const first = stand('m1');
    await first.elected();
    const second = stand('m2');
    await second.told('waiting');
    first.hang();
    await second.elected();
    expect(await first.told('lost')).toMatchObject({
      value: { reason: 'the lease was not renewed in time' },
    });
    expect(await first.ended()).toBe('ended');
  });

  test('a candidate that hangs while it waits is passed over', async () => {
    const first = stand('m1');
    await first.elected();
    const hung = stand('m2');
    await hung.told('waiting');
    await new Promise((resolve) => setTimeout(resolve, 100));
    hung.hang();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const third = stand('m3');
    await third.told('waiting');
    first.die();
    await third.elected();
    expect(hung.events.map(({ $case }) => $case)).not.toContain('elected');
  });

  test('a lease that is over cannot be carried', async () => {
    const first = stand('m1');
    const elected = await first.elected();
    first.die();
    await stand('m2').elected();
    expect(await stand('m1', elected).told('lost')).toMatchObject({
      value: { reason: 'the leadership ended before it was carried here' },
    });
  });

  test('a lease that is carried to another stream stays, and the old stream takes nothing with it', async () => {
    const first = stand('m1');
    const elected = await first.elected();
    const again = stand('m1', elected);
    expect(await again.elected()).toEqual(elected);
    expect(await first.ended()).toMatchObject({ kind: 'conflict' });
    first.die();
    await again.told('renewed');
    await commitWeights(registry.grpcAddress, elected.term, 'still-leading');
    expect(await keptRoles(registry.grpcAddress)).toEqual(['still-leading']);
  });

  test('whoever observes is told who leads, and of every change', async () => {
    const client = connect(registry.grpcAddress);
    const seen: (string | undefined)[] = [];
    const stream = client.observe({ election: 'master' });
    stream.on('data', ({ leader }: internal.ObserveResponse) => seen.push(leader?.id));
    stream.on('error', () => undefined);
    await until(() => seen.length === 1);
    const first = stand('m1');
    await first.elected();
    await until(() => seen.length === 2);
    first.die();
    await until(() => seen.length === 3);
    expect(seen).toEqual([undefined, 'm1', undefined]);
    stream.cancel();
    client.close();
  });

  test.each<[string, internal.CampaignRequest, string]>([
    [
      'an election without a name',
      { election: '' },
      'election must be at most 63 of a to z, 0 to 9 and "-", beginning with a letter',
    ],
    ['a candidate without an id', { election: 'master' }, 'candidate.id must be set'],
  ])('%s is refused', async (_what, request, message) => {
    const client = connect(registry.grpcAddress);
    const failed = await new Promise<Failure>((resolve) => {
      const stream = client.campaign();
      stream.on('error', (error) => resolve(failureOf(error)));
      stream.on('data', () => undefined);
      stream.write(request);
    });
    expect(failed).toMatchObject({ kind: 'invalid', message });
    client.close();
  });
});

describe('the record', () => {
  const agentInfo = { id: { value: 'A1' }, hostname: 'host-1', resources: [], attributes: [] };

  test('what is committed is in the snapshot, and was told to whoever watches', async () => {
    const { term } = await stand('m1').elected();
    const client = connect(registry.grpcAddress);
    const { revision: before } = await readSnapshot(registry.grpcAddress);
    const told: internal.WatchResponse[] = [];
    const watch = client.watch({ afterRevision: before });
    watch.on('data', (response: internal.WatchResponse) => told.push(response));
    watch.on('error', () => undefined);

    const request: internal.CommitRequest = {
      election: 'master',
      term,
      operations: [
        { operation: { $case: 'admitAgent', value: { agentInfo, atMs: 5n } } },
        { operation: { $case: 'setWeight', value: { role: 'web', weight: 2 } } },
      ],
    };
    const { revision } = await callUnary(client.commit.bind(client), request);
    await callUnary(client.commit.bind(client), {
      ...request,
      operations: [{ operation: { $case: 'removeAgent', value: { agentId: { value: 'A1' } } } }],
    });
    await until(() => told.flatMap(({ changes }) => changes).length === 3);
    expect(told[0]?.revision).toBe(revision);
    expect(told.flatMap(({ changes }) => changes)).toMatchObject([
      { key: 'agents/A1', record: { record: { value: { agentInfo: { hostname: 'host-1' }, sinceMs: 5n } } } },
      { key: 'weights/web' },
      { key: 'agents/A1', record: undefined },
    ]);
    expect((await readSnapshot(registry.grpcAddress)).records).toEqual([
      { record: { $case: 'weight', value: { role: 'web', weight: 2 } } },
    ]);
    watch.cancel();
    client.close();
  });

  test('a term that is over is fenced', async () => {
    const first = stand('m1');
    const { term } = await first.elected();
    first.die();
    await stand('m2').elected();
    expect(await refused(commitWeights(registry.grpcAddress, term, 'late'))).toMatchObject({
      kind: 'fenced',
    });
    expect(await keptRoles(registry.grpcAddress)).toEqual([]);
  });

  test('an operation that is wrong is refused with its place', async () => {
    const { term } = await stand('m1').elected();
    expect(await refused(commitWeights(registry.grpcAddress, term, 'good', ''))).toMatchObject({
      kind: 'invalid',
      message: 'operations[1]: set_weight.role must be set',
    });
  });

  test('more than fits a transaction is written all the same', async () => {
    const { term } = await stand('m1').elected();
    const roles = Array.from({ length: 2500 }, (_, index) => `r${index}`);
    await commitWeights(registry.grpcAddress, term, ...roles);
    expect(new Set(await keptRoles(registry.grpcAddress))).toEqual(new Set(roles));
  });
});

describe('the process', () => {
  test('metrics, health and the reason of a failed start', async () => {
    const { term } = await stand('m1').elected();
    await commitWeights(registry.grpcAddress, term, 'web');
    const get = async (path: string) => (await fetch(`http://${registry.httpAddress}${path}`)).text();
    expect(await get('/health/ready')).toBe('ok\n');
    const metrics = await get('/metrics');
    expect(metrics).toContain('meseta_registry_commit_seconds_count{outcome="committed"} 1');
    expect(metrics).toContain('meseta_registry_leaderships_total{election="master",event="elected"} 1');
    expect(metrics).toContain('meseta_registry_campaigns{state="leading"} 1');
    expect(metrics).toContain('meseta_registry_queue_items_max{queue="commit_writes"} 20000');
  });

  test('an instance that stops sends its candidates away, and an embedded one still knows them when it is back', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'meseta-registry-'));
    const start = () => startRegistry({ store: 'embedded', dataDir, leaseTtl: 3000 });
    const before = await start();
    const leader = new TestCandidate('m1', before.grpcAddress);
    const elected = await leader.elected();
    await commitWeights(before.grpcAddress, elected.term, 'web');
    await before.close();
    expect(await leader.ended()).toMatchObject({ kind: 'notLeader' });

    const after = await start();
    const rival = new TestCandidate('m2', after.grpcAddress);
    const again = new TestCandidate('m1', after.grpcAddress, elected);
    expect(await again.elected()).toEqual(elected);
    expect(await rival.told('waiting')).toMatchObject({ value: { leader: { id: 'm1' } } });
    await commitWeights(after.grpcAddress, elected.term, 'db');
    expect(await keptRoles(after.grpcAddress)).toEqual(['db', 'web']);
    again.die();
    rival.die();
    await after.close();
    rmSync(dataDir, { recursive: true });
  });
});
