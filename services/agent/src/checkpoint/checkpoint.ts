import { dirname, join } from 'node:path';
import { agentId, assert, assertNever, failure, frameworkId, type FrameworkId } from '@meseta/model';
import { FrameworkInfo, TaskInfo } from '@meseta/protocol';
import { FailureError } from '@meseta/kit';
import { open as openDatabase, type RootDatabase } from 'lmdb';
import type { Write } from '../state/effect';
import { emptyState, type AgentState, type TaskKey } from '../state/state';
import { readBootId } from './boot-id';
import { storedTask, taskOf, type StoredTask } from './task-codec';
import { checkFormat, makeDirectory, unusable } from './work-directory';
import { lockWorkDir, type LockHolder, type LockStore } from './work-dir-lock';

/** What the agent knows of itself. */
interface StoredAgent {
  readonly agentId: string | undefined;
  readonly cluster: string;
  readonly term: number;
  readonly bootId: string;
}

type Stored = StoredAgent | StoredTask | LockHolder | Buffer;

const lockKey = 'lock';
const agentKey = 'agent';
const infoKey = (key: TaskKey): string => `info/${key}`;
const taskStateKey = (key: TaskKey): string => `task/${key}`;
const frameworkKey = (id: FrameworkId): string => `framework/${id}`;

/**
 * What survives a restart of the agent: `<work-dir>/meta`, an LMDB directory.
 *
 * A write is durable here when it survives the agent's own death, `kill -9` included. It is not flushed to the disk first, as in Mesos: when the machine
 * itself goes down its tasks are gone anyway, and LMDB keeps what is on disk whole.
 */
export class Checkpoint {
  private failed: Error | undefined;

  private constructor(
    private readonly db: RootDatabase<Stored, string>,
    private readonly unlock: () => void,
    /** Names the time since the machine's last start. */
    private readonly bootId: string,
    readonly state: AgentState,
    /** The machine was started anew since the agent ran last. */
    readonly rebooted: boolean,
  ) {}

  /**
   * Opens the work directory and reads what is in it.
   *
   * @throws FailureError of one line: the directory is another cluster's, cannot be read or written, or is another agent's
   */
  static async open(workDir: string, cluster: string): Promise<Checkpoint> {
    const path = join(workDir, 'meta', 'state');
    let db: RootDatabase<Stored, string> | undefined;
    let unlock = (): void => undefined;
    try {
      await makeDirectory(dirname(path));
      await checkFormat(join(path, 'data.mdb'));
      db = openDatabase<Stored, string>({ path, encoding: 'msgpack', cache: false });
      unlock = lockWorkDir(lockStore(db), workDir);
      const bootId = await readBootId();
      const stored = db.get(agentKey) as StoredAgent | undefined;
      if (stored !== undefined && stored.cluster !== cluster) {
        const rule = `belongs to the cluster '${stored.cluster}', not to '${cluster}' (--work-dir, --cluster)`;
        throw new FailureError(failure('conflict', `work directory ${workDir} ${rule}`));
      }
      const state = readState(db, cluster, stored);
      const checkpoint = new Checkpoint(
        db,
        unlock,
        bootId,
        state,
        stored !== undefined && stored.bootId !== bootId,
      );
      checkpoint.write({ kind: 'saveAgent' });
      await checkpoint.commit();
      return checkpoint;
    } catch (error) {
      unlock();
      await db?.close();
      if (error instanceof FailureError) throw error;
      throw unusable(workDir, error);
    }
  }

  /** Notes a write. It takes the state as it is now, and is durable after the next {@link commit}. */
  write(write: Write): void {
    const { state } = this;
    switch (write.kind) {
      case 'saveAgent':
        this.put(agentKey, {
          agentId: state.agentId,
          cluster: state.cluster,
          term: state.term,
          bootId: this.bootId,
        });
        return;
      case 'forgetAgent':
        this.put(agentKey, {
          agentId: undefined,
          cluster: state.cluster,
          term: state.term,
          bootId: this.bootId,
        });
        return;
      case 'saveFramework': {
        const framework = state.frameworks.get(write.frameworkId);
        if (framework !== undefined)
          this.put(frameworkKey(framework.id), Buffer.from(FrameworkInfo.encode(framework.info).finish()));
        return;
      }
      case 'forgetFramework':
        // It may be back by the time that the turn's writes are made.
        if (!state.frameworks.has(write.frameworkId)) this.remove(frameworkKey(write.frameworkId));
        return;
      case 'saveNewTask': {
        const task = state.tasks.get(write.key);
        if (task !== undefined) this.put(infoKey(task.key), Buffer.from(TaskInfo.encode(task.info).finish()));
        return;
      }
      case 'saveTask': {
        const task = state.tasks.get(write.key);
        if (task !== undefined) this.put(taskStateKey(task.key), storedTask(task));
        return;
      }
      case 'forgetTask':
        if (state.tasks.has(write.task.key)) return;
        this.remove(taskStateKey(write.task.key));
        this.remove(infoKey(write.task.key));
        return;
      default:
        assertNever(write);
    }
  }

  /** Resolves when everything written so far is durable; rejects if it cannot be, and then nothing that depends on it may happen. */
  async commit(): Promise<void> {
    await this.db.committed;
    if (this.failed !== undefined) throw this.failed;
  }

  async close(): Promise<void> {
    this.unlock();
    await this.db.flushed;
    await this.db.close();
  }

  private put(key: string, value: Stored): void {
    this.db.put(key, value).catch(this.fail);
  }

  private remove(key: string): void {
    this.db.remove(key).catch(this.fail);
  }

  private readonly fail = (error: unknown): void => {
    this.failed ??= error instanceof Error ? error : new Error(String(error));
  };
}

function lockStore(db: RootDatabase<Stored, string>): LockStore {
  return {
    transact: (fn) => db.transactionSync(fn),
    read: () => db.get(lockKey) as LockHolder | undefined,
    write: (holder) => void (holder === undefined ? db.removeSync(lockKey) : db.putSync(lockKey, holder)),
  };
}

function readState(
  db: RootDatabase<Stored, string>,
  cluster: string,
  stored: StoredAgent | undefined,
): AgentState {
  const state = emptyState(cluster);
  if (stored?.agentId !== undefined) state.agentId = agentId(stored.agentId);
  state.term = stored?.term ?? 0;
  for (const { key, value } of db.getRange({ start: 'framework/', end: 'framework0' })) {
    const id = frameworkId(key.slice('framework/'.length));
    state.frameworks.set(id, { id, info: FrameworkInfo.decode(value as Buffer), tasks: 0 });
  }
  for (const { value } of db.getRange({ start: 'task/', end: 'task0' })) {
    const held = value as StoredTask;
    const info = db.get(infoKey(`${held.frameworkId}/${held.taskId}`)) as Buffer | undefined;
    assert(info !== undefined, `the description of task ${held.taskId} is missing from the checkpoint`);
    const task = taskOf(held, info);
    state.tasks.set(task.key, task);
    state.unacknowledged += task.updates.length;
    const framework = state.frameworks.get(task.frameworkId);
    assert(framework !== undefined, `the framework of task ${held.taskId} is missing from the checkpoint`);
    framework.tasks++;
  }
  return state;
}
