import { dirname, join } from 'node:path';
import {
  agentId,
  assert,
  assertNever,
  failure,
  frameworkId,
  Resources,
  type FrameworkId,
  type Resource,
} from '@meseta/model';
import { ExecutorInfo, FrameworkInfo, TaskInfo } from '@meseta/protocol';
import { FailureError, formatMismatch } from '@meseta/kit';
import { open as openDatabase, type RootDatabase } from 'lmdb';
import type { Write } from '../state/effect';
import type { Configuration } from '../state/reconfiguration';
import {
  emptyState,
  type AgentState,
  type Drain,
  type ExecutorKey,
  type ExecutorTiming,
  type TaskKey,
} from '../state/state';
import { readBootId } from './boot-id';
import { executorOf, storedExecutor, type StoredExecutor } from './executor-codec';
import { operationOf, storedOperation, type StoredOperation } from './operation-codec';
import { storedTask, taskOf, type StoredTask } from './task-codec';
import { checkFormat, makeDirectory, unusable } from './work-directory';
import { lockWorkDir, type LockHolder, type LockStore } from './work-dir-lock';

/** What the agent knows of itself. */
interface StoredAgent {
  readonly agentId: string | undefined;
  readonly cluster: string;
  readonly term: number;
  readonly bootId: string;
  /** What its resources have become; unset while no operation has changed them. */
  readonly resources?: readonly Resource[];
  readonly drain?: Drain;
  /** What the operator said of it at its last start; unset before there was such a record. */
  readonly configuration?: Omit<Configuration, 'resources'> & { readonly resources: readonly Resource[] };
  /** The layout of the records; unset in the first, which had no number. */
  readonly format?: number;
}

/** The layout of the records. A directory of another is refused, and left as it is. */
const formatVersion = 1;

type Stored = StoredAgent | StoredTask | StoredExecutor | StoredOperation | LockHolder | Buffer;

const lockKey = 'lock';
const agentKey = 'agent';
const infoKey = (key: TaskKey): string => `info/${key}`;
const taskStateKey = (key: TaskKey): string => `task/${key}`;
const executorInfoKey = (key: ExecutorKey): string => `executor-info/${key}`;
const executorStateKey = (key: ExecutorKey): string => `executor/${key}`;
const operationKey = (uuid: string): string => `operation/${uuid}`;
const frameworkKey = (id: FrameworkId): string => `framework/${id}`;

/** Told of a record that cannot be read, by its key. */
export type SkipListener = (key: string, error: unknown) => void;

/** What the checkpoint needs of its database. LMDB is one; the disk of a simulated machine is another. */
export interface CheckpointDb {
  get(key: string): unknown;
  /** By key, from `start` up to `end`, which is left out. */
  getRange(range: { start: string; end: string }): Iterable<{ key: string; value: unknown }>;
  /** Takes the value as it is now. */
  put(key: string, value: unknown): Promise<boolean>;
  remove(key: string): Promise<boolean>;
  /** Resolves when everything put so far is durable. */
  readonly committed: Promise<boolean>;
  readonly flushed: Promise<boolean>;
  close(): Promise<void>;
}

/**
 * What survives a restart of the agent: `<work-dir>/meta`, an LMDB directory.
 *
 * A write is durable here when it survives the agent's own death, `kill -9` included. It is not flushed to the disk first, as in Mesos: when the machine
 * itself goes down its tasks are gone anyway, and LMDB keeps what is on disk whole.
 */
export class Checkpoint {
  private failed: Error | undefined;

  private constructor(
    private readonly db: CheckpointDb,
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
   * @param skip told of each record that cannot be read, which is left out then; unset leaves out none
   * @throws FailureError of one line: the directory is another cluster's, cannot be read or written, or is another agent's
   */
  static async open(
    workDir: string,
    cluster: string,
    timing?: ExecutorTiming,
    skip?: SkipListener,
  ): Promise<Checkpoint> {
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
      const wrong = formatMismatch(stored?.format ?? 1, formatVersion);
      if (wrong !== undefined)
        throw new FailureError(failure('conflict', `work directory ${workDir} ${wrong} (--work-dir)`));
      if (stored !== undefined && stored.cluster !== cluster) {
        const rule = `belongs to the cluster '${stored.cluster}', not to '${cluster}' (--work-dir, --cluster)`;
        throw new FailureError(failure('conflict', `work directory ${workDir} ${rule}`));
      }
      const checkpoint = Checkpoint.over(db, emptyState(cluster, timing), bootId, unlock, skip);
      await checkpoint.commit();
      return checkpoint;
    } catch (error) {
      unlock();
      await db?.close();
      if (error instanceof FailureError) throw error;
      throw unusable(workDir, error);
    }
  }

  /** The checkpoint on a database that is open. What is in it is read into the state. */
  static over(
    db: CheckpointDb,
    empty: AgentState,
    bootId: string,
    unlock: () => void = () => undefined,
    skip?: SkipListener,
  ): Checkpoint {
    const stored = db.get(agentKey) as StoredAgent | undefined;
    const rebooted = stored !== undefined && stored.bootId !== bootId;
    const checkpoint = new Checkpoint(db, unlock, bootId, readState(db, empty, stored, skip), rebooted);
    checkpoint.write({ kind: 'saveAgent' });
    return checkpoint;
  }

  /** Notes a write. It takes the state as it is now, and is durable after the next {@link commit}. */
  write(write: Write): void {
    const { state } = this;
    switch (write.kind) {
      case 'saveAgent':
        this.put(agentKey, this.storedAgent());
        return;
      case 'forgetAgent':
        // Reservations and volumes go with the agent that had them.
        this.put(agentKey, {
          agentId: undefined,
          cluster: state.cluster,
          term: state.term,
          bootId: this.bootId,
          format: formatVersion,
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
      case 'saveNewExecutor': {
        const executor = state.executors.get(write.key);
        if (executor !== undefined)
          this.put(executorInfoKey(executor.key), Buffer.from(ExecutorInfo.encode(executor.info).finish()));
        return;
      }
      case 'saveExecutor': {
        const executor = state.executors.get(write.key);
        if (executor !== undefined) this.put(executorStateKey(executor.key), storedExecutor(executor));
        return;
      }
      case 'forgetExecutor':
        if (state.executors.has(write.executor.key)) return;
        this.remove(executorStateKey(write.executor.key));
        this.remove(executorInfoKey(write.executor.key));
        return;
      case 'saveOperation': {
        const operation = state.operations.get(write.uuid);
        if (operation !== undefined) this.put(operationKey(write.uuid), storedOperation(operation));
        return;
      }
      case 'forgetOperation':
        if (!state.operations.has(write.uuid)) this.remove(operationKey(write.uuid));
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

  private storedAgent(): StoredAgent {
    const { agentId: id, cluster, term, resources, resourcesChanged, drain, configuration } = this.state;
    return {
      agentId: id,
      cluster,
      term,
      bootId: this.bootId,
      format: formatVersion,
      ...(resourcesChanged && { resources: resources.entries }),
      ...(drain !== undefined && { drain }),
      ...(configuration !== undefined && {
        configuration: { ...configuration, resources: configuration.resources.entries },
      }),
    };
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
  db: CheckpointDb,
  state: AgentState,
  stored: StoredAgent | undefined,
  skip: SkipListener | undefined,
): AgentState {
  if (stored?.agentId !== undefined) state.agentId = agentId(stored.agentId);
  state.term = stored?.term ?? 0;
  state.resources = Resources.of(stored?.resources ?? []);
  state.resourcesChanged = stored?.resources !== undefined;
  state.drain = stored?.drain;
  const { configuration } = stored ?? {};
  if (configuration !== undefined)
    state.configuration = { ...configuration, resources: Resources.of(configuration.resources) };
  /** Reads the records of one kind; one that makes no sense ends the start, unless it may be left out (G7). */
  const each = (kind: string, read: (value: unknown, name: string) => void): void => {
    for (const { key, value } of db.getRange({ start: `${kind}/`, end: `${kind}0` })) {
      try {
        read(value, key.slice(kind.length + 1));
      } catch (error) {
        if (skip === undefined)
          throw new Error(
            `its record ${key} makes no sense (${error instanceof Error ? error.message : String(error)}); --no-strict starts without it`,
            { cause: error },
          );
        skip(key, error);
      }
    }
  };
  each('framework', (value, name) => {
    const id = frameworkId(name);
    state.frameworks.set(id, { id, info: FrameworkInfo.decode(value as Buffer), uses: 0 });
  });
  each('executor', (value) => {
    const held = value as StoredExecutor;
    const info = db.get(executorInfoKey(`${held.frameworkId}//${held.executorId}`)) as Buffer | undefined;
    assert(info !== undefined, 'its description is missing');
    const executor = executorOf(held, info);
    use(state, executor.frameworkId);
    state.executors.set(executor.key, executor);
  });
  each('operation', (value) => {
    const operation = operationOf(value as StoredOperation);
    state.operations.set(operation.uuid, operation);
  });
  each('task', (value) => {
    const held = value as StoredTask;
    const info = db.get(infoKey(`${held.frameworkId}/${held.taskId}`)) as Buffer | undefined;
    assert(info !== undefined, 'its description is missing');
    const task = taskOf(held, info);
    const executor = task.executor === undefined ? undefined : state.executors.get(task.executor);
    assert(task.executor === undefined || executor !== undefined, 'its executor is missing');
    use(state, task.frameworkId);
    state.tasks.set(task.key, task);
    state.unacknowledged += task.updates.length;
    executor?.tasks.add(task.key);
  });
  return state;
}

function use(state: AgentState, id: FrameworkId): void {
  const framework = state.frameworks.get(id);
  assert(framework !== undefined, `its framework ${id} is missing`);
  framework.uses++;
}
