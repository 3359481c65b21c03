import { containerId, frameworkId, instant, taskId } from '@meseta/model';
import { TaskInfo, TaskStatus } from '@meseta/protocol';
import type { ContainerFacts, Kill, StatusRecord, TaskRecord } from '../state/state';
import { taskKey } from '../state/state';

/** What changes of a task, as it lies on disk. The description, which does not, lies beside it. */
export interface StoredTask {
  readonly frameworkId: string;
  readonly taskId: string;
  readonly containerId: string;
  readonly runtime: string;
  readonly executor: string | undefined;
  readonly group: string | undefined;
  readonly traceparent: string;
  readonly launchedAt: number;
  readonly startedAt: number | undefined;
  readonly healthy: boolean | undefined;
  readonly checkStatus: TaskRecord['checkStatus'];
  readonly phase: TaskRecord['phase'];
  readonly state: TaskRecord['state'];
  readonly container: ContainerFacts;
  readonly kill: Kill | undefined;
  readonly updates: readonly StoredStatus[];
  readonly history: readonly StoredStatus[];
  readonly statusesMade: number;
  /** Unset in records of agents that knew of none. */
  readonly gpus?: readonly string[];
}

/** A status; a custom executor's is kept as it goes over the wire. */
export type StoredStatus = Omit<StatusRecord, 'given'> & { readonly given?: Uint8Array };

export function storedTask(task: TaskRecord): StoredTask {
  const { frameworkId, taskId, containerId, runtime, executor, group, traceparent } = task;
  const { launchedAt, startedAt, healthy, checkStatus, phase, state, container, kill, statusesMade, gpus } =
    task;
  return {
    frameworkId,
    taskId,
    containerId,
    runtime,
    executor,
    group,
    traceparent,
    launchedAt,
    startedAt,
    healthy,
    checkStatus,
    phase,
    state,
    container,
    kill,
    updates: task.updates.map(storedStatus),
    history: task.history.map(storedStatus),
    statusesMade,
    gpus,
  };
}

function storedStatus({ given, ...status }: StatusRecord): StoredStatus {
  return given === undefined ? status : { ...status, given: Buffer.from(TaskStatus.encode(given).finish()) };
}

function statusOf({ given, ...status }: StoredStatus): StatusRecord {
  return given === undefined ? status : { ...status, given: TaskStatus.decode(given) };
}

/** The record again; nothing of it has been sent in this life of the agent. */
export function taskOf(stored: StoredTask, info: Uint8Array): TaskRecord {
  const framework = frameworkId(stored.frameworkId);
  const task = taskId(stored.taskId);
  return {
    key: taskKey(framework, task),
    frameworkId: framework,
    taskId: task,
    containerId: containerId(stored.containerId),
    runtime: stored.runtime,
    executor: stored.executor,
    group: stored.group,
    info: TaskInfo.decode(info),
    gpus: stored.gpus ?? [],
    traceparent: stored.traceparent,
    launchedAt: instant(stored.launchedAt),
    startedAt: stored.startedAt === undefined ? undefined : instant(stored.startedAt),
    healthy: stored.healthy,
    checkStatus: stored.checkStatus,
    check: undefined,
    health: undefined,
    phase: stored.phase,
    state: stored.state,
    container: stored.container,
    kill: stored.kill,
    updates: stored.updates.map(statusOf),
    sent: 0,
    retryAt: undefined,
    history: stored.history.map(statusOf),
    statusesMade: stored.statusesMade,
  };
}
