import { failure, isFailure, validateId, type Failure } from '@meseta/model';
import { ContainerInfo_Type, type TaskInfo } from '@meseta/protocol';
import { resourcesFromProto } from '@meseta/protocol';
import type { Launch } from '../state/command';

/** Which runtime runs a task, or why none of this agent's does. The names become directories, so they are checked here once more. */
export function planOf(task: TaskInfo, frameworkId: string, runtimes: ReadonlySet<string>): Launch['plan'] {
  const unnameable =
    validateId('task id', task.taskId?.value ?? '') ?? validateId('framework id', frameworkId);
  if (unnameable !== undefined)
    return { refused: 'TASK_ERROR', reason: 'TASK_INVALID', message: unnameable.message, unnameable: true };
  const invalid = invalidOf(task);
  if (invalid !== undefined)
    return { refused: 'TASK_ERROR', reason: 'TASK_INVALID', message: invalid.message };
  const runtime = runtimes.has('fake')
    ? 'fake'
    : task.container?.type === ContainerInfo_Type.DOCKER
      ? 'docker'
      : 'process';
  if (!runtimes.has(runtime)) return cannot(`this agent does not run tasks with ${runtime} (--runtimes)`);
  const missing = runtime === 'fake' ? undefined : missingOf(task, runtime);
  return missing === undefined ? { runtime } : cannot(missing);
}

function cannot(message: string): Launch['plan'] {
  return { refused: 'TASK_FAILED', reason: 'CONTAINER_LAUNCH_FAILED', message };
}

/** What is wrong with the description, wherever it were to run. */
function invalidOf(task: TaskInfo): Failure | undefined {
  const resources = resourcesFromProto(task.resources);
  if (isFailure(resources)) return resources;
  if (task.executor !== undefined)
    return failure('invalid', 'the task must have a command; this agent does not run executors');
  const isDocker = task.container?.type === ContainerInfo_Type.DOCKER;
  if (task.command === undefined && !isDocker) return failure('invalid', 'the task must have a command');
  if (isDocker && !task.container?.docker?.image)
    return failure('invalid', 'container.docker.image must be set');
  return undefined;
}

/** What the task asks for that this agent cannot do. To leave it out in silence would run something else than was asked. */
function missingOf(task: TaskInfo, runtime: 'docker' | 'process'): string | undefined {
  if ((task.command?.uris.length ?? 0) > 0) return 'this agent does not fetch command.uris';
  if (task.command?.environment?.variables.some(({ secret }) => secret !== undefined) === true) {
    return 'this agent does not resolve secrets of command.environment';
  }
  const { container } = task;
  if (
    container?.linuxInfo !== undefined ||
    container?.rlimitInfo !== undefined ||
    container?.ttyInfo !== undefined
  ) {
    return 'this agent does not set linux_info, rlimit_info or tty_info of a container';
  }
  if (runtime === 'docker') return missingOfDocker(task);
  if (container?.mesos?.image !== undefined) return 'images need a container of type DOCKER';
  if ((container?.volumes.length ?? 0) > 0) return 'volumes need a container of type DOCKER';
  if ((container?.networkInfos.length ?? 0) > 0) return 'networks need a container of type DOCKER';
  return undefined;
}

function missingOfDocker({ container }: TaskInfo): string | undefined {
  const docker = container?.docker;
  if (docker?.privileged === true) return 'privileged containers are not allowed';
  if ((docker?.parameters.length ?? 0) > 0) return 'docker.parameters are not supported';
  if (container?.volumes.some(({ source, image }) => source !== undefined || image !== undefined) === true) {
    return 'only volumes with a host_path, or with none, are supported';
  }
  return undefined;
}
