import { Resources, failure, isFailure, type Failure } from '@meseta/model';
import type { OfferOperation, TaskToLaunch } from '../command';
import { executorNeeds, validateExecutor } from './executor';
import { validateLimits } from './limits';
import { validateAllocation, validateTaskInGroup, type TaskContext } from './task';

/** The rules of a group of tasks (S72, S92): one that is broken refuses all of it. */
export function validateGroup(
  { id, executor, tasks }: Extract<OfferOperation, { kind: 'launchGroup' }>,
  context: TaskContext,
): Failure | undefined {
  if (id !== undefined)
    return failure('invalid', 'operations.id must not be set for LAUNCH_GROUP', { field: 'operations.id' });
  if (executor === undefined) return refuse('executor', 'must be set');
  if (tasks.length === 0) return refuse('task_group', 'must have a task');
  const { framework, agent } = context;
  const where = { frameworkId: framework.id, agent };
  const refused =
    validateExecutor(executor, { ...where, group: true }) ??
    validateAllocation('executor.resources', executor.info.resources, context);
  if (refused !== undefined) return refused;
  let needs = executorNeeds(executor, where);
  const seen = new Set<string>();
  for (const task of tasks) {
    const invalid = validateMember(task, context);
    if (invalid !== undefined) return invalid;
    if (seen.has(task.taskId)) return refuse('task_group', `names ${task.taskId} twice`);
    seen.add(task.taskId);
    if (!isFailure(task.resources)) needs = needs.add(task.resources);
  }
  return validateShares(tasks) ?? validateFit(needs, context.pool);
}

function validateMember(task: TaskToLaunch, context: TaskContext): Failure | undefined {
  if (task.executor !== undefined)
    return refuse('task_group', `task ${task.taskId} must not have an executor of its own`);
  if ((task.info.container?.type as string | undefined) === 'DOCKER')
    return refuse('task_group', `task ${task.taskId} must not have a container of type DOCKER`);
  if ((task.info.container?.networkInfos.length ?? 0) > 0)
    return refuse('task_group', `task ${task.taskId} must not have networks: its executor has`);
  return validateTaskInGroup(task, context) ?? validateLimits(task.info, task.resources, context.agent, true);
}

/** Members either all share the control groups of their executor, or none does (S93). */
function validateShares(tasks: readonly TaskToLaunch[]): Failure | undefined {
  const shares = new Set(tasks.map(({ info }) => info.container?.linuxInfo?.shareCgroups ?? true));
  if (shares.size <= 1) return undefined;
  return refuse('task_group', 'must have the same container.linux_info.share_cgroups in all tasks');
}

function validateFit(needs: Resources, pool: Resources): Failure | undefined {
  if (pool.contains(needs.nonShared()) && sharedThere(needs, pool)) return undefined;
  return refuse(
    'resources',
    `${needs.toString()} of the group and its executor are more than what is left of the offer, ${pool.isEmpty ? 'nothing' : pool.toString()}`,
  );
}

function sharedThere(needs: Resources, pool: Resources): boolean {
  return needs.shared().entries.every((volume) => pool.contains(Resources.of([volume])));
}

function refuse(field: string, rule: string): Failure {
  return failure('invalid', `launch_group.${field} ${rule}`, { field: `launch_group.${field}` });
}
