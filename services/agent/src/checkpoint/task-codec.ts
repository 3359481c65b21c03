import { containerId, frameworkId, instant, taskId } from '@meseta/model';
import { TaskInfo } from '@meseta/protocol';
import type { ContainerFacts, Kill, StatusRecord, TaskRecord } from '../state/state';
import { taskKey } from '../state/state';

/** What changes of a task, as it lies on disk. The description, which does not, lies beside it. */
export interface StoredTask {
  readonly frameworkId: string;
  readonly taskId: string;
  readonly containerId: string;
  readonly runtime: string;
  readonly traceparent: string;
  readonly launchedAt: number;
  readonly phase: TaskRecord['phase'];
  readonly state: TaskRecord['state'];
  readonly container: ContainerFacts;
  readonly kill: Kill | undefined;
  readonly updates: readonly StatusRecord[];
  readonly history: readonly StatusRecord[];
  readonly statusesMade: number;
}

export function storedTask(task: TaskRecord): StoredTask {
  const { frameworkId, taskId, containerId, runtime, traceparent, launchedAt, phase, state, container } =
    task;
  const { kill, updates, history, statusesMade } = task;
  const place = { frameworkId, taskId, containerId, runtime, traceparent, launchedAt };
  return { ...place, phase, state, container, kill, updates, history, statusesMade };
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
    info: TaskInfo.decode(info),
    traceparent: stored.traceparent,
    launchedAt: instant(stored.launchedAt),
    phase: stored.phase,
    state: stored.state,
    container: stored.container,
    kill: stored.kill,
    updates: [...stored.updates],
    sent: 0,
    retryAt: undefined,
    history: [...stored.history],
    statusesMade: stored.statusesMade,
  };
}
