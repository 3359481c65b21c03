import type { AgentState, ExecutorRecord, TaskRecord } from './state';

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
