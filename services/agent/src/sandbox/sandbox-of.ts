import type { AgentId } from '@meseta/model';
import type { AgentState, ExecutorRecord, TaskRecord } from '../state/state';
import { memberSandbox, sandboxDirectory } from './paths';

/** The sandbox of an executor's container, or of the container that its tasks share. */
export function sandboxOfExecutor(workDir: string, agentId: AgentId, executor: ExecutorRecord): string {
  const { frameworkId, executorId, containerId } = executor;
  return sandboxDirectory(workDir, agentId, frameworkId, executorId, containerId);
}

/** The sandbox of a task: its own, one within its group's, or its executor's. */
export function sandboxOfTask(
  workDir: string,
  agentId: AgentId,
  state: AgentState,
  task: TaskRecord,
): string {
  const executor = task.executor === undefined ? undefined : state.executors.get(task.executor);
  if (executor === undefined)
    return sandboxDirectory(workDir, agentId, task.frameworkId, task.taskId, task.containerId);
  const shared = sandboxOfExecutor(workDir, agentId, executor);
  return executor.kind === 'pod' ? memberSandbox(shared, task.containerId) : shared;
}
