import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { FrameworkID, TaskID } from '@meseta/protocol';
import type { ContainerRuntime, ContainerSpec } from '../runtime/container-runtime';
import { taskKey, type TaskRecord } from '../state/state';
import type { AgentView } from './agent-view';
import { namesOf } from './names';

/** What runs for a task; undefined until the agent is registered. */
export type SpecOf = (task: TaskRecord) => ContainerSpec | undefined;

/**
 * The container of a task that a request names.
 *
 * @throws FailureError unless the task runs in one
 */
export function runningTask(
  view: AgentView,
  specOf: SpecOf,
  request: { readonly frameworkId?: FrameworkID | undefined; readonly taskId?: TaskID | undefined },
): { readonly spec: ContainerSpec; readonly runtime: ContainerRuntime } {
  const { frameworkId, taskId } = namesOf(request);
  const task = view.state.tasks.get(taskKey(frameworkId, taskId));
  const runtime = task === undefined ? undefined : view.runtimes.get(task.runtime);
  const spec = task === undefined ? undefined : specOf(task);
  if (task?.phase !== 'running' || runtime === undefined || spec === undefined)
    throw new FailureError(failure('conflict', `task '${taskId}' does not run in a container of this agent`));
  return { spec, runtime };
}
