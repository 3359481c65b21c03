import { Resources, failure, isFailure, validateId, type Failure, type FrameworkId } from '@meseta/model';
import type { ExecutorInfo } from '@meseta/protocol';
import type { ExecutorToLaunch } from '../command';
import { executorKey, type Agent } from '../state';
import { validateCommand } from './command';
import { validateVolumes } from './volumes';

/** The rules of an executor on an agent (S91, E30). A failure names the field and the rule. */
export function validateExecutor(
  { executorId, info, resources }: ExecutorToLaunch,
  context: { readonly frameworkId: FrameworkId; readonly agent: Agent; readonly group: boolean },
): Failure | undefined {
  const invalidId = validateId('executor.executor_id', executorId);
  if (invalidId !== undefined) return invalidId;
  const named = info.frameworkId?.value ?? context.frameworkId;
  if (named !== context.frameworkId)
    return refuse('framework_id', `must be ${context.frameworkId}, not ${named}`);
  if ((info.shutdownGracePeriod?.nanoseconds ?? 0n) < 0n)
    return refuse('shutdown_grace_period', 'must not be negative');
  return (
    validateType(info, context.group) ??
    validateCommand(info.command, 'executor.command') ??
    validateVolumes(info.container, 'executor.container.volumes') ??
    validateOwnResources(resources, context.group) ??
    validateSame(executorId, info, context)
  );
}

/** What an executor takes from the pool: nothing if it runs already. */
export function executorNeeds(
  { executorId, resources }: ExecutorToLaunch,
  { frameworkId, agent }: { readonly frameworkId: FrameworkId; readonly agent: Agent },
): Resources {
  if (agent.executors.has(executorKey(frameworkId, executorId)) || isFailure(resources))
    return Resources.empty;
  return resources;
}

function validateType(info: ExecutorInfo, group: boolean): Failure | undefined {
  const type = info.type as string | undefined;
  if (type === 'DEFAULT') {
    if (!group) return refuse('type', 'DEFAULT runs groups of tasks: use LAUNCH_GROUP');
    if (info.command !== undefined) return refuse('command', 'must not be set for the type DEFAULT');
    if ((info.container?.type as string | undefined) === 'DOCKER')
      return refuse('container.type', 'must be MESOS for the type DEFAULT');
    if (info.container?.mesos?.image !== undefined)
      return refuse('container.mesos.image', 'must not be set for the type DEFAULT');
    return undefined;
  }
  if (group && type !== 'CUSTOM') return refuse('type', 'must be DEFAULT or CUSTOM for LAUNCH_GROUP');
  if (info.command === undefined) return refuse('command', 'must be set for an executor of a framework');
  return undefined;
}

/** A task may run beside a small executor with a warning in Mesos; a group needs one that can live (S91). */
function validateOwnResources(resources: Resources | Failure, group: boolean): Failure | undefined {
  if (isFailure(resources)) return resources;
  const invalid = Resources.validate(resources.entries);
  if (invalid !== undefined) return invalid;
  if (!resources.shared().isEmpty) return refuse('resources', 'must not be shared');
  if (!group) return undefined;
  if (resources.scalarMilli('cpus') < 10) return refuse('resources', 'must have at least 0.01 cpus');
  if (resources.scalarMilli('mem') < 32_000) return refuse('resources', 'must have at least 32 MB of mem');
  if (resources.scalarMilli('disk') <= 0) return refuse('resources', 'must have some disk');
  return undefined;
}

/** The same id on the same agent is the same executor. */
function validateSame(
  executorId: ExecutorToLaunch['executorId'],
  info: ExecutorInfo,
  { frameworkId, agent }: { readonly frameworkId: FrameworkId; readonly agent: Agent },
): Failure | undefined {
  const known = agent.executors.get(executorKey(frameworkId, executorId));
  if (known === undefined || fingerprint(known.info) === fingerprint(info)) return undefined;
  return refuse('executor_id', `${executorId} runs on the agent with another description`);
}

/** A description as text, without what the master fills in. */
function fingerprint({ frameworkId: _, resources, ...info }: ExecutorInfo): string {
  const plain = resources.map(({ allocationInfo: __, ...resource }) => resource);
  return JSON.stringify({ ...info, resources: plain }, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

function refuse(field: string, rule: string): Failure {
  return failure('invalid', `executor.${field} ${rule}`, { field: `executor.${field}` });
}
