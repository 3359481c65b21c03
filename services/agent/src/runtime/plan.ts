import { failure, isFailure, validateId, type Failure, type Resources } from '@meseta/model';
import {
  ContainerInfo_Type,
  type CommandInfo,
  type ContainerInfo,
  type ExecutorInfo,
  type TaskInfo,
} from '@meseta/protocol';
import { fetchPlans } from '../fetcher/plan';
import { networkRefusal } from '../network/joinable';
import type { NetworkConfig } from '../network/network-config';
import type { Plan } from '../state/command';
import { sharesAny, sharesInvalid } from './shares';

/** Who runs a task: the agent by itself, the agent as one of a group, or an executor of the framework's. */
export type RunBy = 'command' | 'pod' | 'custom';

/** What was read of a task, and what of that is wrong. */
export interface Readable {
  readonly resources: Resources | Failure;
}

/** The runtimes of an agent, as far as a plan needs to know them. */
export type Runtimes = ReadonlyMap<
  string,
  {
    readonly keepsLimits: boolean;
    readonly sharesMachine?: boolean;
    readonly networks?: ReadonlyMap<string, NetworkConfig> | undefined;
  }
>;

/** Which runtime runs a task, or why none of this agent's does. The names become directories, so they are checked here once more. */
export function planOf(
  task: TaskInfo,
  frameworkId: string,
  { resources }: Readable,
  by: RunBy,
  runtimes: Runtimes,
): Plan {
  const unnameable =
    validateId('task id', task.taskId?.value ?? '') ?? validateId('framework id', frameworkId);
  if (unnameable !== undefined)
    return { refused: 'TASK_ERROR', reason: 'TASK_INVALID', message: unnameable.message, unnameable: true };
  if (isFailure(resources)) return invalidPlan(resources);
  const invalid = invalidOf(task, by);
  if (invalid !== undefined) return invalidPlan(invalid);
  if (by === 'custom') return { runtime: '' };
  const plan = joining(runtimeOf(task, runtimes, by === 'pod'), task, resources, runtimes);
  if (
    'refused' in plan ||
    Object.keys(task.limits).length === 0 ||
    runtimes.get(plan.runtime)?.keepsLimits === true
  )
    return plan;
  // What Mesos says of it, and with this reason (T65).
  const message = 'this agent cannot keep limits: it has no control groups that it may write to';
  return { refused: 'TASK_DROPPED', reason: 'GC_ERROR', message };
}

/**
 * Which runtime runs an executor; a pod is only where its tasks are.
 *
 * @param resources its own and those of the tasks that it is launched with
 */
export function planOfExecutor(
  info: ExecutorInfo,
  resources: Resources | Failure,
  by: 'pod' | 'custom',
  runtimes: Runtimes,
): Plan {
  if (isFailure(resources)) return invalidPlan(resources);
  const invalid =
    validateId('executor id', info.executorId?.value ?? '') ??
    (by === 'custom' && info.command === undefined && info.container?.docker === undefined
      ? failure('invalid', 'a custom executor must have a command')
      : undefined) ??
    sharesInvalid(info);
  if (invalid !== undefined) return invalidPlan(invalid);
  return joining(runtimeOf(info, runtimes, false), info, resources, runtimes);
}

/** The plan, unless the networks that are asked for cannot be had. */
function joining(plan: Plan, { container }: Runnable, resources: Resources, runtimes: Runtimes): Plan {
  if ('refused' in plan || plan.runtime !== 'process') return plan;
  const refusal = networkRefusal(container, resources, runtimes.get(plan.runtime)?.networks);
  return refusal === undefined ? plan : cannot(refusal);
}

function invalidPlan({ message }: Failure): Plan {
  return { refused: 'TASK_ERROR', reason: 'TASK_INVALID', message };
}

/** What is run: a task, or a custom executor. */
interface Runnable {
  readonly command?: CommandInfo | undefined;
  readonly container?: ContainerInfo | undefined;
}

/** @param isInPod whether it shares with others of a pod what it does not have for itself */
function runtimeOf(runnable: Runnable, runtimes: Runtimes, isInPod: boolean): Plan {
  const runtime = runtimes.has('fake')
    ? 'fake'
    : runnable.container?.type === ContainerInfo_Type.DOCKER
      ? 'docker'
      : 'process';
  if (!runtimes.has(runtime)) return cannot(`this agent does not run tasks with ${runtime} (--runtimes)`);
  if (runtime === 'fake') return { runtime };
  const missing =
    runtime === 'docker'
      ? missingOfDocker(runnable)
      : missingOfProcess(runnable, isInPod || runtimes.get(runtime)?.sharesMachine === true);
  return missing === undefined ? { runtime } : cannot(missing);
}

function cannot(message: string): Plan {
  return { refused: 'TASK_FAILED', reason: 'CONTAINER_LAUNCH_FAILED', message };
}

/** What is wrong with the description, wherever it were to run. */
function invalidOf(task: TaskInfo, by: RunBy): Failure | undefined {
  if (by === 'custom') return undefined;
  const uris = fetchPlans(task.command?.uris ?? []);
  if (isFailure(uris)) return uris;
  const isDocker = task.container?.type === ContainerInfo_Type.DOCKER;
  if (by === 'pod' && isDocker)
    return failure('invalid', 'a task of a group must not have a container of type DOCKER');
  if (by === 'pod' && (task.container?.networkInfos.length ?? 0) > 0)
    return failure('invalid', 'a task of a group must not have network_infos: its executor has');
  if (task.command === undefined && !isDocker) return failure('invalid', 'the task must have a command');
  if (isDocker && !task.container?.docker?.image)
    return failure('invalid', 'container.docker.image must be set');
  return sharesInvalid(task);
}

/** What the task asks for that this agent does not do. To leave it out in silence would run something else than was asked. */
function missingOfProcess(runnable: Runnable, mayShare: boolean): string | undefined {
  if (mayShare || !sharesAny(runnable)) return undefined;
  return 'this agent does not share namespaces of the machine with tasks (--allow-sharing-agent-namespaces)';
}

function missingOfDocker({ container }: Runnable): string | undefined {
  if (container?.linuxInfo !== undefined || container?.rlimitInfo !== undefined)
    return 'linux_info and rlimit_info need a container that is not of type DOCKER';
  return undefined;
}
