import { randomUUID } from 'node:crypto';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { isAlive, statOf, type ProcessName } from '../runtime/process/proc';

/** Who uses a work directory. */
export interface LockHolder extends ProcessName {
  /** Tells apart the agents of one process. */
  readonly token: string;
}

/** Where the lock is kept: a store whose transactions exclude each other, those of other processes too. */
export interface LockStore {
  transact<T>(fn: () => T): T;
  read(): LockHolder | undefined;
  write(holder: LockHolder | undefined): void;
}

/**
 * Makes sure that one agent at a time uses a work directory.
 *
 * The holder is named by pid and start time, so that a lock left by a killed agent is recognised even when its pid has been given to another process.
 * Node has no flock(2), and lock files cannot be taken over without a gap; LMDB's writers exclude each other across processes.
 *
 * @returns what gives the lock back
 * @throws FailureError of kind `conflict` when another agent holds it
 */
export function lockWorkDir(store: LockStore, workDir: string): () => void {
  const own = statOf(process.pid);
  if (own === undefined)
    throw new FailureError(failure('bug', 'the agent cannot read its own entry in /proc'));
  const holder: LockHolder = { pid: process.pid, startTime: own.startTime, token: randomUUID() };
  const other = store.transact(() => {
    const held = store.read();
    if (held !== undefined && isAlive(held)) return held;
    store.write(holder);
    return undefined;
  });
  if (other !== undefined) {
    const why = `is in use by another agent, process ${other.pid} (--work-dir)`;
    throw new FailureError(failure('conflict', `work directory ${workDir} ${why}`));
  }
  return () =>
    store.transact(() => {
      if (store.read()?.token === holder.token) store.write(undefined);
    });
}
