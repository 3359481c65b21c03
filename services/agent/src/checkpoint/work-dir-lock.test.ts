import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockWorkDir } from './work-dir-lock';

describe('the lock of a work directory', () => {
  let directory: string;
  const lock = () => lockWorkDir(join(directory, 'lock'), directory);
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'meseta-lock-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test('one holds it at a time, and gives it back', async () => {
    const unlock = await lock();
    await expect(lock()).rejects.toThrow(`is in use by another agent, process ${process.pid}`);
    await unlock();
    await (
      await lock()
    )();
    expect(await readdir(directory)).toEqual([]);
  });

  test.each([
    '',
    'garbage',
    '0 0 x\n',
    `${process.pid} 1 a-pid-that-was-given-to-another\n`,
    '99999999 5 gone\n',
  ])('one that %j left is taken over, by exactly one of many', async (left) => {
    await writeFile(join(directory, 'lock'), left);
    const results = await Promise.allSettled(Array.from({ length: 8 }, lock));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
