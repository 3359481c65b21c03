import { liveTasksOf } from '../state/running';
import type { AgentState, ExecutorRecord, TaskRecord } from '../state/state';

/** The gpus that a task's container may use: its own and those of the pod that it is in. Unset on a machine without. */
export function gpusOfTask(
  { gpus, executors }: AgentState,
  task: TaskRecord,
): { readonly gpus?: readonly string[] } {
  if (gpus === undefined) return {};
  const pod = task.executor === undefined ? undefined : executors.get(task.executor);
  return { gpus: [...task.gpus, ...(pod?.kind === 'pod' ? pod.gpus : [])] };
}

/** The gpus that a custom executor's container may use: its own and those of its tasks. A pod has no container. */
export function gpusOfExecutor(
  state: AgentState,
  executor: ExecutorRecord,
): { readonly gpus?: readonly string[] } {
  if (state.gpus === undefined || executor.kind === 'pod') return {};
  return { gpus: [...executor.gpus, ...liveTasksOf(state, executor).flatMap((task) => task.gpus)] };
}

/**
 * What the libraries of nvidia and its container runtime read.
 *
 * @param gpus unset on a machine without: then nothing is said
 */
export function gpuVariables(gpus: readonly string[] | undefined): readonly (readonly [string, string])[] {
  if (gpus === undefined) return [];
  // Without a word some images ask for all that there are.
  return [
    ['NVIDIA_VISIBLE_DEVICES', gpus.length === 0 ? 'void' : gpus.join(',')],
    ['CUDA_VISIBLE_DEVICES', gpus.join(',')],
  ];
}
