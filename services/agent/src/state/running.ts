import type { AgentState, ExecutorRecord, TaskRecord } from './state';

/** The tasks of an executor that have not ended. */
export function liveTasksOf({ tasks }: Pick<AgentState, 'tasks'>, executor: ExecutorRecord): TaskRecord[] {
  return [...executor.tasks].flatMap((key) => {
    const task = tasks.get(key);
    return task === undefined || task.phase === 'ended' ? [] : [task];
  });
}

/** Whose containers run: tasks, and custom executors, whose tasks have none. A pod has no container but those of its tasks. */
export function runningOf({ tasks, executors }: AgentState): {
  readonly tasks: readonly TaskRecord[];
  readonly executors: readonly ExecutorRecord[];
} {
  return {
    tasks: [...tasks.values()].filter(({ phase, runtime }) => phase === 'running' && runtime !== ''),
    executors: [...executors.values()].filter(({ kind, phase }) => kind === 'custom' && phase === 'running'),
  };
}
