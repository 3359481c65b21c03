import { isFailure, type Resources, assert, type AgentId } from '@meseta/model';
import { resourcesFromProto, type FrameworkInfo, type TaskInfo } from '@meseta/protocol';
import type { ContainerLimits, ContainerSpec } from '../runtime/container-runtime';
import { defaultPath } from '../runtime/process/programs';
import { sandboxInContainer } from '../sandbox/paths';
import type { TaskRecord } from '../state/state';

/** Less memory than this does not hold a shell and its C library: no container is limited below it, as in Mesos. */
const memoryBytesMin = 32 * 1024 * 1024;
const bytesPerMegabyte = 1024 * 1024;

/** What the runtime is told to run. */
export function containerSpec(
  task: TaskRecord,
  agentId: AgentId,
  framework: FrameworkInfo | undefined,
  sandbox: string,
  options: { readonly switchUser: boolean; readonly limitCpu: boolean },
): ContainerSpec {
  const { info, containerId, frameworkId, taskId } = task;
  const resources = resourcesOf(info);
  return {
    containerId,
    agentId,
    frameworkId,
    taskId,
    command: info.command,
    container: info.container,
    user: options.switchUser ? userOf(info, framework) : undefined,
    environment: environmentOf(task, agentId, resources, sandbox),
    sandbox,
    resources,
    limits: limitsOf(info, resources, options.limitCpu),
  };
}

function resourcesOf(info: TaskInfo): Resources {
  const resources = resourcesFromProto(info.resources);
  assert(!isFailure(resources), 'the resources of a task were checked when it came in');
  return resources;
}

/** The command's user, else the framework's (G17). Only root can become another, so elsewhere the framework's general wish is left. */
function userOf(info: TaskInfo, framework: FrameworkInfo | undefined): string | undefined {
  if (info.command?.user) return info.command.user;
  return process.getuid?.() === 0 && framework?.user ? framework.user : undefined;
}

/** Nothing of the agent's own (G41): what Mesos gives, then what the task brings. */
function environmentOf(
  task: TaskRecord,
  agentId: AgentId,
  resources: Resources,
  sandbox: string,
): ReadonlyMap<string, string> {
  const inDocker = task.runtime === 'docker';
  const seen = inDocker ? sandboxInContainer : sandbox;
  const role = resources.entries.find((entry) => entry.allocationRole !== undefined)?.allocationRole;
  const environment = new Map<string, string>([
    ...(inDocker
      ? []
      : ([
          ['PATH', defaultPath],
          ['HOME', sandbox],
        ] as const)),
    ['MESOS_SANDBOX', seen],
    ['MESOS_DIRECTORY', sandbox],
    ['MESOS_TASK_ID', task.taskId],
    ['MESOS_FRAMEWORK_ID', task.frameworkId],
    ['MESOS_AGENT_ID', agentId],
    ['MESOS_EXECUTOR_ID', task.taskId],
    ['MESOS_ALLOCATION_ROLE', role ?? '*'],
  ]);
  for (const { name, value } of task.info.command?.environment?.variables ?? []) {
    if (name !== undefined) environment.set(name, value ?? '');
  }
  return environment;
}

/** What was asked for is the weight; a limit of its own lifts or sets the bound (R64). */
function limitsOf({ limits }: TaskInfo, resources: Resources, limitCpu: boolean): ContainerLimits {
  const cpuMilli = resources.scalarMilli('cpus');
  const cpuLimit = limits['cpus']?.value;
  const quota = cpuLimit === undefined ? (limitCpu ? cpuMilli : undefined) : finite(cpuLimit * 1000);
  const memory = finite((limits['mem']?.value ?? resources.scalarMilli('mem') / 1000) * bytesPerMegabyte);
  return {
    cpuMilli,
    ...(quota !== undefined && quota > 0 && { cpuQuotaMilli: quota }),
    ...(memory !== undefined && memory > 0 && { memoryBytes: Math.max(memoryBytesMin, Math.floor(memory)) }),
  };
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
