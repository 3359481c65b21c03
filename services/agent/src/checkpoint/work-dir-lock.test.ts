import { statOf } from '../runtime/process/proc';
import { lockWorkDir, type LockHolder, type LockStore } from './work-dir-lock';

describe('the lock of a work directory', () => {
  const own = statOf(process.pid)?.startTime ?? 0;

  function storeWith(holder?: LockHolder): LockStore {
    let held = holder;
    return { transact: (fn) => fn(), read: () => held, write: (next) => void (held = next) };
  }

  test('one holds it at a time, and gives it back', () => {
    const store = storeWith();
    const unlock = lockWorkDir(store, '/w');
    expect(() => lockWorkDir(store, '/w')).toThrow(
      `work directory /w is in use by another agent, process ${process.pid} (--work-dir)`,
    );
    unlock();
    expect(store.read()).toBeUndefined();
    lockWorkDir(store, '/w')();
  });

  test('only its holder gives it back', () => {
    const store = storeWith();
    const unlock = lockWorkDir(store, '/w');
    const other = { pid: process.pid, startTime: own, token: 'another' };
    store.write(other);
    unlock();
    expect(store.read()).toBe(other);
  });

  test.each([
    ['an agent that is gone', { pid: 99_999_999, startTime: 5, token: 't' }],
    ['an agent whose pid was given to another process', { pid: process.pid, startTime: own - 1, token: 't' }],
  ])('what %s left is taken over', (_, left) => {
    const store = storeWith(left);
    lockWorkDir(store, '/w');
    expect(store.read()?.pid).toBe(process.pid);
  });
});
