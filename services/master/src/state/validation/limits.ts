import { failure, isFailure, type Failure, type Resources } from '@meseta/model';
import type { TaskInfo } from '@meseta/protocol';
import type { Agent } from '../state';

/** What a task may use beyond what it asks for (S93): only cpus and mem, at least as much, and only where the agent can bound them. */
export function validateLimits(
  info: TaskInfo,
  resources: Resources | Failure,
  agent: Agent,
  group: boolean,
): Failure | undefined {
  const limits = Object.entries(info.limits);
  if (limits.length === 0 || isFailure(resources)) return undefined;
  if (!agent.capabilities.includes('TASK_RESOURCE_LIMITS'))
    return refuse('need an agent with the capability TASK_RESOURCE_LIMITS');
  if (group && (info.container?.linuxInfo?.shareCgroups ?? true))
    return refuse('in a group need container.linux_info.share_cgroups false');
  for (const [name, limit] of limits) {
    if (name !== 'cpus' && name !== 'mem')
      return refuse(`must not name ${name}: only cpus and mem have them`);
    const value = limit?.value ?? Number.NaN;
    if (Number.isNaN(value) || value * 1000 < resources.scalarMilli(name))
      return refuse(`must not be less than what is asked for of ${name}`);
  }
  return undefined;
}

function refuse(rule: string): Failure {
  return failure('invalid', `limits ${rule}`, { field: 'limits' });
}
