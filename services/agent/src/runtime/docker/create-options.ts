import { failure, isFailure, type Failure } from '@meseta/model';
import type { ContainerLimits, ContainerSpec } from '../container-runtime';
import { oomScoreOf } from '../oom-score';
import { quotaPeriodUs, quotaUsOf, sharesOf, unlimitedBytes } from '../cgroups/cgroups';
import type { Draft } from './draft';
import { joinNetwork } from './networks';
import { applyParameters, type ParameterRules } from './parameters';
import { mountVolumes, type SandboxFolders } from './volumes';

/** The label that says whose container it is; the others are for people. */
export const agentLabel = 'meseta.agent-name';
/** The label with the container's id as the agent knows it. */
export const containerLabel = 'meseta.container';

/** What an agent is told once for all of its containers. */
export interface CreateRules extends ParameterRules {
  readonly agentName: string;
}

/** A container that can be made. */
export interface ContainerPlan {
  readonly options: Draft;
  readonly image: string;
  readonly folders: SandboxFolders;
}

/** What the daemon is to be told to make, or what of the task it cannot be told. */
export function planContainer(spec: ContainerSpec, rules: CreateRules): ContainerPlan | Failure {
  const { command, container, limits } = spec;
  const docker = container?.docker;
  const image = docker?.image;
  if (container === undefined || !image)
    return failure('invalid', 'container.docker.image must be set', { field: 'container.docker.image' });
  if (docker?.privileged === true && !rules.allowPrivileged)
    return failure('denied', 'docker.privileged needs an agent with --docker-allow-privileged', {
      field: 'container.docker.privileged',
    });
  const oomScore = oomScoreOf(limits);
  const cmd = commandOf(spec);
  if (isFailure(cmd)) return cmd;
  const options: Draft = {
    name: `meseta-${spec.containerId}`,
    Image: image,
    ...cmd,
    Env: [...spec.environment].map(([name, value]) => `${name}=${value}`),
    ...(command?.user && { User: command.user }),
    ...(container.ttyInfo !== undefined && { Tty: true, OpenStdin: true }),
    Labels: {
      [agentLabel]: rules.agentName,
      [containerLabel]: spec.containerId,
      'meseta.agent': spec.agentId,
      'meseta.framework': spec.frameworkId,
      'meseta.task': spec.name,
    },
    HostConfig: {
      ...limitOptions(limits, 0),
      ...(oomScore !== undefined && { OomScoreAdj: oomScore }),
      ...gpuRequest(limits.gpus ?? []),
      ...(docker?.privileged === true && { Privileged: true }),
      // Read back by the agent after its own restart, and gone with the container.
      LogConfig: { Type: 'json-file', Config: {} },
    },
  };
  const folders = mountVolumes(options, spec, container, rules.allowPrivileged);
  if (isFailure(folders)) return folders;
  const wrong =
    joinNetwork(options, spec, container) ?? applyParameters(options, docker?.parameters ?? [], rules);
  return wrong ?? { options, image, folders };
}

/** As `docker run --gpus` asks the engine for gpus; it needs the container toolkit of nvidia on the machine. */
function gpuRequest(gpus: readonly string[]): Pick<Draft['HostConfig'], 'DeviceRequests'> {
  if (gpus.length === 0) return {};
  return { DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: [...gpus], Capabilities: [['gpu']] }] };
}

/**
 * The limits of a container that runs, as they are to be from now on.
 *
 * @param swapBytes how much it may have of swap besides; -1 is without bound
 */
export function updateOptions(limits: ContainerLimits, swapBytes: number) {
  const { memoryBytes, cpuQuotaMilli, processes } = limits;
  return {
    ...limitOptions(limits, swapBytes),
    // What is left out stays as it was.
    ...(cpuQuotaMilli === undefined && { CpuQuota: -1 }),
    // Of one that had a bound the engine takes no word for none, but any amount.
    ...(memoryBytes === undefined && {
      Memory: unlimitedBytes,
      MemorySwap: swapBytes < 0 ? -1 : unlimitedBytes,
    }),
    ...(processes === undefined && { PidsLimit: -1 }),
  };
}

function limitOptions(limits: ContainerLimits, swapBytes: number) {
  const { memoryBytes, memoryRequestBytes, cpuQuotaMilli, processes } = limits;
  return {
    CpuShares: sharesOf(limits),
    ...(cpuQuotaMilli !== undefined && { CpuPeriod: quotaPeriodUs, CpuQuota: quotaUsOf(cpuQuotaMilli) }),
    ...(memoryBytes !== undefined && {
      Memory: memoryBytes,
      MemorySwap: swapBytes < 0 ? -1 : memoryBytes + swapBytes,
    }),
    ...(processes !== undefined && { PidsLimit: processes }),
    ...(memoryRequestBytes !== undefined && { MemoryReservation: memoryRequestBytes }),
  };
}

/** As Mesos does it: with a shell it replaces the image's entry point; without, value and arguments are the image's command. */
function commandOf({ command }: ContainerSpec): Pick<Draft, 'Cmd' | 'Entrypoint'> | Failure {
  if (command === undefined) return {};
  if (command.shell === false) {
    const words = [...(command.value === undefined ? [] : [command.value]), ...command.arguments];
    return words.length === 0 ? {} : { Cmd: words };
  }
  if (!command.value)
    return failure('invalid', 'the task must have a command with a value, or one with shell = false', {
      field: 'command.value',
    });
  return { Entrypoint: ['/bin/sh'], Cmd: ['-c', command.value] };
}
