import { Resources, failure, isFailure, reservedRole, validateId, type Failure } from '@meseta/model';
import type { TaskInfo } from '@meseta/protocol';
import type { TaskToLaunch } from '../command';
import type { Agent, Framework } from '../state';
import { validateChecks } from './checks';
import { validateCommand } from './command';
import { executorNeeds, validateExecutor } from './executor';
import { validateLimits } from './limits';
import { validateVolumes } from './volumes';

export interface TaskContext {
  readonly framework: Framework;
  readonly agent: Agent;
  /** What is left of the accepted offers. */
  readonly pool: Resources;
  /** The role of the offers. */
  readonly role: string;
}

/** The rules of a task that is launched by itself (S87 – S94), in the order in which they are checked. A failure names the field and the rule. */
export function validateTask(task: TaskToLaunch, context: TaskContext): Failure | undefined {
  return (
    validateDescription(task, context) ??
    validateWork(task, context) ??
    validateLimits(task.info, task.resources, context.agent, false) ??
    validateFit(task, context)
  );
}

/** The rules of a member of a group, but for those that concern the group. */
export function validateTaskInGroup(task: TaskToLaunch, context: TaskContext): Failure | undefined {
  if (task.info.command === undefined) return refuse('command', 'must be set');
  return validateDescription(task, context) ?? validateResources(task.resources);
}

function validateDescription(task: TaskToLaunch, context: TaskContext): Failure | undefined {
  return (
    validateId('task_id', task.taskId) ??
    validateUnique(task, context) ??
    validateAgent(task.info, context) ??
    validateAllocation('resources', task.info.resources, context) ??
    validateAllocation('executor.resources', task.executor?.info.resources ?? [], context) ??
    validateContainer(task.info) ??
    validateVolumes(task.info.container) ??
    validateTimes(task.info) ??
    validateChecks(task.info) ??
    validateCommand(task.info.command)
  );
}

function validateUnique({ taskId }: TaskToLaunch, { framework }: TaskContext): Failure | undefined {
  if (!framework.tasks.has(taskId) && !framework.unreachable.has(taskId)) return undefined;
  return refuse('task_id', `${taskId} is the id of a task that this framework already has`);
}

function validateAgent(info: TaskInfo, { agent }: TaskContext): Failure | undefined {
  const named = info.agentId?.value ?? '';
  if (named === agent.id) return undefined;
  return refuse(
    'agent_id',
    `must be the agent of the offer, ${agent.id}, not ${named === '' ? 'unset' : named}`,
  );
}

/** What is named as allocated to a role is allocated to that of the offers (R14). */
export function validateAllocation(
  field: string,
  resources: TaskInfo['resources'],
  { role }: Pick<TaskContext, 'role'>,
): Failure | undefined {
  for (const { allocationInfo } of resources) {
    const named = allocationInfo?.role;
    if (named !== undefined && named !== role)
      return refuse(`${field}.allocation_info.role`, `must be the role of the offer, ${role}, not ${named}`);
  }
  return undefined;
}

/** Exactly one of `command` and `executor` (S71). */
function validateWork(
  { info, executor }: TaskToLaunch,
  { framework, agent }: TaskContext,
): Failure | undefined {
  if (info.command !== undefined && executor !== undefined)
    return refuse('executor', 'must not be set together with command');
  if (executor === undefined)
    return info.command === undefined ? refuse('command', 'must be set, or executor') : undefined;
  return validateExecutor(executor, { frameworkId: framework.id, agent, group: false });
}

function validateContainer({ command, container }: TaskInfo): Failure | undefined {
  if (container?.type === ('DOCKER' as unknown)) {
    if ((container?.docker?.image ?? '') === '')
      return refuse('container.docker.image', 'must be set for a container of type DOCKER');
    if (container?.docker?.parameters.some((parameter) => parameter.key === 'name') === true) {
      return refuse('container.docker.parameters', 'must not set name: the agent names its containers');
    }
    return undefined;
  }
  // An image may bring its own command, an executor its own work; without them there must be something to run.
  const imageRuns = container?.mesos?.image !== undefined && command?.shell === false;
  if (command !== undefined && (command.value ?? '') === '' && !imageRuns)
    return refuse('command.value', 'must not be empty');
  return undefined;
}

function validateTimes({ killPolicy, maxCompletionTime }: TaskInfo): Failure | undefined {
  if ((killPolicy?.gracePeriod?.nanoseconds ?? 0n) < 0n)
    return refuse('kill_policy.grace_period', 'must not be negative');
  if ((maxCompletionTime?.nanoseconds ?? 0n) < 0n)
    return refuse('max_completion_time', 'must not be negative');
  return undefined;
}

function validateResources(resources: Resources | Failure): Failure | undefined {
  if (isFailure(resources)) return resources;
  if (resources.isEmpty) return refuse('resources', 'must not be empty');
  const invalid = Resources.validate(resources.entries);
  if (invalid !== undefined) return invalid;
  const names = new Set<string>();
  const volumes = new Set<string>();
  for (const entry of resources.entries) {
    names.add(`${entry.name} ${String(entry.revocable === true)}`);
    const id = entry.disk?.persistence?.id;
    if (id === undefined) continue;
    // An id is one volume in its role (R42).
    const volume = `${String(reservedRole(entry))}/${id}`;
    if (volumes.has(volume)) return refuse('resources', `must not name the volume ${id} twice`);
    volumes.add(volume);
  }
  for (const { name } of resources.entries) {
    if (names.has(`${name} true`) && names.has(`${name} false`))
      return refuse('resources', `${name} must not be both revocable and not`);
  }
  return undefined;
}

/** The task, with its executor if that is not there yet, fits what is left of the offers (S90). */
function validateFit(
  { resources, executor }: TaskToLaunch,
  { framework, agent, pool }: TaskContext,
): Failure | undefined {
  const refused = validateResources(resources);
  if (refused !== undefined || isFailure(resources)) return refused;
  const needs =
    executor === undefined
      ? resources
      : resources.add(executorNeeds(executor, { frameworkId: framework.id, agent }));
  if (pool.contains(needs)) return undefined;
  return refuse(
    'resources',
    `${needs.toString()} is more than what is left of the offer, ${pool.isEmpty ? 'nothing' : pool.toString()}`,
  );
}

function refuse(field: string, rule: string): Failure {
  return failure('invalid', `${field} ${rule}`, { field });
}
