import { isAbsolute, join, normalize } from 'node:path';
import type Docker from 'dockerode';
import { failure, type Failure } from '@meseta/model';
import {
  ContainerInfo_DockerInfo_Network,
  Volume_Mode,
  type ContainerInfo,
  type ContainerInfo_DockerInfo_PortMapping,
  type Volume,
} from '@meseta/protocol';
import { sandboxInContainer } from '../../sandbox/paths';
import { quotaPeriodUs, quotaUsOf, sharesOf } from '../cgroups/cgroups';
import type { ContainerLimits, ContainerSpec } from '../container-runtime';

/** The label that says whose container it is; the others are for people. */
export const agentLabel = 'meseta.agent-name';
/** The label with the container's id as the agent knows it. */
export const containerLabel = 'meseta.container';

/** What the daemon is told to make, or what of the task it cannot be told. */
export function createOptions(
  spec: ContainerSpec,
  agentName: string,
): Docker.ContainerCreateOptions | Failure {
  const { command, container, limits } = spec;
  const image = container?.docker?.image;
  if (container === undefined || !image)
    return failure('invalid', 'container.docker.image must be set', { field: 'container.docker.image' });
  const cmd = commandOf(spec);
  if ('failure' in cmd) return cmd;
  const binds = bindsOf(spec, container.volumes);
  if ('failure' in binds) return binds;
  const network = networkOf(container);
  if (typeof network !== 'string') return network;
  const ports = portsOf(spec, container);
  if ('failure' in ports) return ports;
  return {
    name: `meseta-${spec.containerId}`,
    Image: image,
    ...cmd,
    Env: [...spec.environment].map(([name, value]) => `${name}=${value}`),
    ...(command?.user && { User: command.user }),
    ...(container.hostname && { Hostname: container.hostname }),
    Labels: {
      [agentLabel]: agentName,
      [containerLabel]: spec.containerId,
      'meseta.agent': spec.agentId,
      'meseta.framework': spec.frameworkId,
      'meseta.task': spec.name,
    },
    ExposedPorts: Object.fromEntries(Object.keys(ports.bindings).map((port) => [port, {}])),
    HostConfig: {
      NetworkMode: network,
      Binds: binds.binds,
      PortBindings: ports.bindings,
      ...updateOptions(limits),
      // Read back by the agent after its own restart, and gone with the container.
      LogConfig: { Type: 'json-file', Config: {} },
    },
  };
}

/** The limits of a container that runs, as they are to be from now on. */
export function updateOptions(limits: ContainerLimits) {
  return {
    CpuShares: sharesOf(limits.cpuMilli),
    ...(limits.cpuQuotaMilli !== undefined && {
      CpuPeriod: quotaPeriodUs,
      CpuQuota: quotaUsOf(limits.cpuQuotaMilli),
    }),
    ...(limits.memoryBytes !== undefined && { Memory: limits.memoryBytes, MemorySwap: limits.memoryBytes }),
  };
}

/** As Mesos does it: with a shell it replaces the image's entry point; without, value and arguments are the image's command. */
function commandOf({
  command,
}: ContainerSpec): Pick<Docker.ContainerCreateOptions, 'Cmd' | 'Entrypoint'> | Failure {
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

function bindsOf(spec: ContainerSpec, volumes: readonly Volume[]): { readonly binds: string[] } | Failure {
  const binds = [`${spec.sandbox}:${sandboxInContainer}:rw`];
  for (const { source, target, readOnly } of spec.mounts) {
    const inside = isAbsolute(target) ? target : join(sandboxInContainer, target);
    binds.push(`${source}:${inside}:${readOnly ? 'ro' : 'rw'}`);
  }
  for (const { containerPath, hostPath, mode } of volumes) {
    const refuse = (rule: string): Failure =>
      failure('invalid', `volume ${containerPath ?? ''}: ${rule}`, { field: 'container.volumes' });
    if (!containerPath) return refuse('container_path must be set');
    if (!hostPath) return refuse('host_path must be set');
    if (`${containerPath}${hostPath}`.includes(':')) return refuse("paths must not contain ':'");
    const inside = isAbsolute(containerPath) ? containerPath : join(sandboxInContainer, containerPath);
    const outside = isAbsolute(hostPath) ? hostPath : normalize(join(spec.sandbox, hostPath));
    if (!isAbsolute(hostPath) && !outside.startsWith(`${spec.sandbox}/`))
      return refuse('a relative host_path must lie in the sandbox');
    if (!isAbsolute(containerPath) && !inside.startsWith(`${sandboxInContainer}/`))
      return refuse('a relative container_path must lie in the sandbox');
    binds.push(`${outside}:${inside}:${mode === Volume_Mode.RO ? 'ro' : 'rw'}`);
  }
  return { binds };
}

/** HOST unless something else was asked for, as in Mesos. */
function networkOf(container: ContainerInfo): string | Failure {
  switch (container.docker?.network) {
    case ContainerInfo_DockerInfo_Network.BRIDGE:
      return 'bridge';
    case ContainerInfo_DockerInfo_Network.NONE:
      return 'none';
    case ContainerInfo_DockerInfo_Network.USER: {
      const name = container.networkInfos[0]?.name;
      return (
        name ||
        failure('invalid', 'a container in a network of type USER must name it in network_infos', {
          field: 'container.network_infos',
        })
      );
    }
    default:
      return 'host';
  }
}

type Bindings = { readonly bindings: Record<string, { HostPort: string }[]> };

/** A port of the machine may be taken only by a task that was given it. */
function portsOf(spec: ContainerSpec, container: ContainerInfo): Bindings | Failure {
  const bindings: Record<string, { HostPort: string }[]> = {};
  const own = spec.resources.ranges('ports');
  const isOwn = ({ hostPort = 0 }: ContainerInfo_DockerInfo_PortMapping): boolean =>
    own.some(({ begin, end }) => begin <= hostPort && hostPort <= end);
  for (const mapping of container.docker?.portMappings ?? []) {
    const { hostPort = 0, containerPort = 0, protocol = 'tcp' } = mapping;
    if (!isOwn(mapping))
      return failure('invalid', `host_port ${hostPort} must be one of the task's ports`, {
        field: 'container.docker.port_mappings',
      });
    (bindings[`${containerPort}/${protocol.toLowerCase()}`] ??= []).push({ HostPort: String(hostPort) });
  }
  return { bindings };
}
