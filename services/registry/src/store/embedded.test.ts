import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { becomes, describeStore, put, read } from './behaviour';
import { openEmbeddedStore } from './embedded';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meseta-registry-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (cluster = 'c1') => openEmbeddedStore({ directory, cluster });

describeStore('embedded', () => {
  const store = open();
  return Promise.resolve({
    store,
    ttlMs: 200,
    compact: (revision) => Promise.resolve(store.compact(revision)),
    close: () => store.close(),
  });
});

test('what was acknowledged is there after a restart, and so is the leadership with its lease', async () => {
  const before = open();
  const lease = await before.grantLease(300);
  const claim = await before.claim('master', lease.id, 'm1');
  if (!claim.won) throw new Error('lost');
  const revision = await before.commit({ election: 'master', term: claim.term }, [
    put('a', '1'),
    put('b', '2'),
  ]);
  await before.close();

  const after = open();
  expect(await read(after)).toEqual({ revision, entries: { a: '1', b: '2' } });
  const leader = { term: claim.term, leaseId: lease.id, value: 'm1' };
  expect(await after.leader('master')).toEqual(leader);
  expect(await after.renewLease(lease.id)).toBe(300);
  expect(await after.hold('master', leader)).toBe(true);
  // The term fences as before, and revisions go on from where they were.
  expect(await after.commit({ election: 'master', term: claim.term }, [put('a', '3')])).toBeGreaterThan(
    revision,
  );
  await becomes(after, 'master', undefined);
  await after.close();
});

test('a revision of before the restart is no longer kept, unless nothing happened since', async () => {
  const before = open();
  const lease = await before.grantLease(5000);
  const claim = await before.claim('master', lease.id, 'm1');
  if (!claim.won) throw new Error('lost');
  const revision = await before.commit({ election: 'master', term: claim.term }, [put('a', '1')]);
  await before.close();

  const after = open();
  const failed = jest.fn();
  after.watchChanges(revision, { changed: () => undefined, failed });
  expect(failed).not.toHaveBeenCalled();
  after.watchChanges(revision - 1n, { changed: () => undefined, failed });
  expect(failed).toHaveBeenCalledWith(expect.objectContaining({ kind: 'conflict' }));
  await after.close();
});

test('the directory of another cluster is refused in one line', async () => {
  await open('blue').close();
  expect(() => open('green')).toThrow(
    `the data directory ${directory} is of the cluster "blue", not of "green" (--cluster)`,
  );
  await open('blue').close();
});

test('a directory that is in use is refused; a lock that a crash left is not', async () => {
  const first = open();
  expect(() => open()).toThrow(`the data directory ${directory} is in use by this process`);
  await first.close();
  writeFileSync(join(directory, 'lock'), '1 99999999999');
  await open().close();
});

test('a directory that cannot be made is refused in one line', () => {
  writeFileSync(join(directory, 'file'), '');
  for (const impossible of [join(directory, 'file'), join(directory, 'file', 'below'), '/proc/meseta']) {
    expect(() => openEmbeddedStore({ directory: impossible, cluster: 'c1' })).toThrow(
      /^the data directory \S+ cannot be used: .* \(--data-dir\)$/,
    );
  }
});
