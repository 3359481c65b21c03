import { join } from 'node:path';
import {
  assert,
  validateId,
  type AgentId,
  type ContainerId,
  type FrameworkId,
  type TaskId,
} from '@meseta/model';

/** Where a task's runs are: `agents/<agent>/frameworks/<framework>/executors/<task>/runs`, as people know it from Mesos (G12). */
export function runsDirectory(
  workDir: string,
  agentId: AgentId,
  frameworkId: FrameworkId,
  taskId: TaskId,
): string {
  return join(
    workDir,
    'agents',
    segment(agentId),
    'frameworks',
    segment(frameworkId),
    'executors',
    segment(taskId),
    'runs',
  );
}

/** A run's sandbox: the task's working directory, with its stdout and stderr. */
export function sandboxDirectory(
  workDir: string,
  agentId: AgentId,
  frameworkId: FrameworkId,
  taskId: TaskId,
  containerId: ContainerId,
): string {
  return join(runsDirectory(workDir, agentId, frameworkId, taskId), segment(containerId));
}

/** The name in `runs` of the link to the newest run. */
export const latestName = 'latest';

/** Ids were checked where they came in; one that could leave the work directory here is a fault of ours. */
function segment(id: string): string {
  const refused = validateId('id', id);
  assert(refused === undefined, `an id that is not fit for a path: ${refused?.message ?? ''}`);
  return id;
}

/** Where a Docker container finds its sandbox, as in Mesos. */
export const sandboxInContainer = '/mnt/mesos/sandbox';
