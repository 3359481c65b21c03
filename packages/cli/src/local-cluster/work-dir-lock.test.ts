import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockWorkDir } from './work-dir-lock';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meseta-lock-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a lock is taken and given back', () => {
  const unlock = lockWorkDir(folder);
  expect(existsSync(join(folder, 'up.pid'))).toBe(true);
  unlock();
  expect(existsSync(join(folder, 'up.pid'))).toBe(false);
});

test('a lock of a process that lives is respected', () => {
  writeFileSync(join(folder, 'up.pid'), `${process.ppid}\n`);
  expect(() => lockWorkDir(folder)).toThrow(`a cluster runs in ${folder} already (process ${process.ppid})`);
});

test('a lock whose process is gone is taken over', () => {
  // Beyond the highest number that Linux gives to a process.
  writeFileSync(join(folder, 'up.pid'), '4194305\n');
  lockWorkDir(folder)();
});
