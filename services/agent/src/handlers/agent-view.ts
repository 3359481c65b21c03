import type { FrameworkId, TaskId } from '@meseta/model';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { AgentInfo } from '@meseta/protocol';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerRuntime } from '../runtime/container-runtime';
import { latestName, runsDirectory, taskLink } from '../sandbox/paths';
import type { DiskUses } from '../sandbox/disk-uses';
import type { History } from './history';
import type { AgentState } from '../state/state';
import { taskKey } from '../state/state';
import type { StatusContext } from '../effects/status-message';

/** What the handlers may look at. */
export interface AgentView {
  readonly state: AgentState;
  readonly workDir: string;
  readonly info: Omit<AgentInfo, 'id'>;
  readonly runtimes: ReadonlyMap<string, ContainerRuntime>;
  readonly history: History;
  readonly diskUses: DiskUses;
  readonly statusContext: () => StatusContext;
}

/** A task's newest sandbox, whether the task runs or has ended long ago. A command's is its own, an executor's task finds its by a link. */
export function sandboxOf(view: AgentView, frameworkId: FrameworkId, taskId: TaskId): string {
  const { agentId } = view.state;
  const unknown = new FailureError(
    failure('notFound', `task '${taskId}' of framework '${frameworkId}' is not on this agent`),
  );
  if (agentId === undefined) throw unknown;
  const link = taskLink(view.workDir, agentId, frameworkId, taskId);
  if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) return link;
  return join(runsDirectory(view.workDir, agentId, frameworkId, taskId), latestName);
}

/** Whether a task may still write. */
export function isLive(view: AgentView, frameworkId: FrameworkId, taskId: TaskId): boolean {
  const task = view.state.tasks.get(taskKey(frameworkId, taskId));
  return task !== undefined && task.phase !== 'ended';
}
