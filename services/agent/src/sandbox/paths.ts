import { join } from 'node:path';
import { assert, validateId, type AgentId, type ContainerId, type FrameworkId } from '@meseta/model';

/**
 * Where an executor's runs are: `agents/<agent>/frameworks/<framework>/executors/<executor>/runs`, as people know it from Mesos (G12). A
 * command task has an executor of its own id.
 */
export function runsDirectory(
  workDir: string,
  agentId: AgentId,
  frameworkId: FrameworkId,
  executorId: string,
): string {
  return join(
    workDir,
    'agents',
    segment(agentId),
    'frameworks',
    segment(frameworkId),
    'executors',
    segment(executorId),
    'runs',
  );
}

/** A run's sandbox: the working directory, with its stdout and stderr. */
export function sandboxDirectory(
  workDir: string,
  agentId: AgentId,
  frameworkId: FrameworkId,
  executorId: string,
  containerId: ContainerId,
): string {
  return join(runsDirectory(workDir, agentId, frameworkId, executorId), segment(containerId));
}

/** The sandbox of a task of a group, within its executor's (E50). */
export function memberSandbox(executorSandbox: string, containerId: ContainerId): string {
  return join(executorSandbox, 'containers', segment(containerId));
}

/** The link by which the task of an executor finds its sandbox, whatever has become of both. */
export function taskLink(
  workDir: string,
  agentId: AgentId,
  frameworkId: FrameworkId,
  taskId: string,
): string {
  return join(
    workDir,
    'agents',
    segment(agentId),
    'frameworks',
    segment(frameworkId),
    'tasks',
    segment(taskId),
  );
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

/** Where an executor with a root of its own finds the folder of its agent's socket. */
export const agentInContainer = '/mnt/mesos/agent';
