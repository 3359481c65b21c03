import { Etcd3 } from 'etcd3';
import { becomes, changesAfter, describeStore, put, read, refused } from './behaviour';
import { openEtcdStore } from './etcd';
import { startEtcd, withoutEtcd, type EtcdProcess } from './etcd-process';

jest.setTimeout(30_000);

if (withoutEtcd()) {
  test('etcd is left out, as MESETA_TEST_WITHOUT_ETCD says', () => undefined);
} else {
  let etcd: EtcdProcess;
  let clusters = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.close());

  const open = (cluster: string) => openEtcdStore({ addresses: [etcd.address], cluster });

  describeStore('etcd', async () => {
    clusters += 1;
    const store = await open(`c${clusters}`);
    return {
      store,
      ttlMs: 2000,
      compact: async (revision) => {
        const client = new Etcd3({ hosts: etcd.address });
        await client.kv.compact({ revision: revision.toString(), physical: true });
        client.close();
      },
      close: () => store.close(),
    };
  });

  test('clusters in one etcd do not see each other', async () => {
    const [blue, green] = [await open('blue'), await open('green')];
    const lease = await blue.grantLease(2000);
    const claim = await blue.claim('master', lease.id, 'b');
    if (!claim.won) throw new Error('lost');
    await blue.commit({ election: 'master', term: claim.term }, [put('a', '1')]);
    expect((await read(green)).entries).toEqual({});
    expect(await green.leader('master')).toBeUndefined();
    await Promise.all([blue.close(), green.close()]);
  });

  test('two instances commit in turn under one term: each sees what the other did', async () => {
    const [one, two] = [await open('pair'), await open('pair')];
    const lease = await one.grantLease(5000);
    const claim = await one.claim('master', lease.id, 'm');
    if (!claim.won) throw new Error('lost');
    const fence = { election: 'master', term: claim.term };
    await one.commit(fence, [put('a', '1')]);
    await two.commit(fence, [put('a', '2')]);
    await one.commit(fence, [put('b', '3')]);
    expect((await read(two)).entries).toEqual({ a: '2', b: '3' });
    await Promise.all([one.close(), two.close()]);
  });

  test('a commit whose answer is lost is done once, and acknowledged when etcd answers again', async () => {
    const store = await open('hang');
    const lease = await store.grantLease(10_000);
    const claim = await store.claim('master', lease.id, 'm');
    if (!claim.won) throw new Error('lost');
    const fence = { election: 'master', term: claim.term };
    const before = await store.commit(fence, [put('a', '1')]);
    etcd.pause();
    // The first attempts reach etcd's socket and wait there; it does them all when it goes on, and only one takes effect.
    const committed = store.commit(fence, [put('a', '2')]);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(store.ready()).toMatch(/^etcd at 127.0.0.1:\d+ does not answer: /);
    etcd.resume();
    const revision = await committed;
    const last = await store.commit(fence, [put('b', '3')]);
    expect((await changesAfter(store, before, 2)).map((change) => change.revision)).toEqual([revision, last]);
    expect((await read(store)).entries).toEqual({ a: '2', b: '3' });
    expect(store.ready()).toBe(true);
    await store.close();
  });

  test('a watch and an election outlive a pause of etcd', async () => {
    const store = await open('watch');
    const lease = await store.grantLease(10_000);
    const claim = await store.claim('master', lease.id, 'm1');
    if (!claim.won) throw new Error('lost');
    const fence = { election: 'master', term: claim.term };
    const told = changesAfter(store, claim.term, 2);
    await store.commit(fence, [put('a', '1')]);
    etcd.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    etcd.resume();
    await store.commit(fence, [put('a', '2')]);
    expect(await told).toHaveLength(2);
    const free = becomes(store, 'master', undefined);
    await store.revokeLease(lease.id);
    await free;
    await store.close();
  });

  test('an etcd that is not there gets one line', async () => {
    const gone = await startEtcd();
    await gone.close();
    const failed = await refused(openEtcdStore({ addresses: [gone.address], cluster: 'none' }));
    expect(failed.kind).toBe('notLeader');
    expect(failed.message).toMatch(/^etcd at 127\.0\.0\.1:\d+ does not answer: .* \(--etcd\)$/);
    expect(failed.message).not.toContain('\n');
  });
}
