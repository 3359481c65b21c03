import { failure, isFailure, isInRanges, type Failure } from '@meseta/model';
import { ContainerInfo_DockerInfo_Network, type ContainerInfo } from '@meseta/protocol';
import type { ContainerSpec } from '../container-runtime';
import type { Draft } from './draft';

/** Puts a container into its network, with the ports of the machine that lead to it; or what is wrong with that. */
export function joinNetwork(
  draft: Draft,
  spec: ContainerSpec,
  container: ContainerInfo,
): Failure | undefined {
  const network = networkOf(container);
  if (isFailure(network)) return network;
  const ports = portsOf(spec, container, network);
  if (isFailure(ports)) return ports;
  draft.HostConfig.NetworkMode = network;
  draft.HostConfig.PortBindings = ports.bindings;
  draft.ExposedPorts = Object.fromEntries(Object.keys(ports.bindings).map((port) => [port, {}]));
  if (!container.hostname) return undefined;
  if (network === 'host')
    return failure('invalid', 'hostname must not be set in a network of type HOST', {
      field: 'container.hostname',
    });
  draft.Hostname = container.hostname;
  return undefined;
}

/** What the daemon calls it; HOST unless something else was asked for, as in Mesos. */
function networkOf(container: ContainerInfo): string | Failure {
  switch (container.docker?.network) {
    case ContainerInfo_DockerInfo_Network.BRIDGE:
      return 'bridge';
    case ContainerInfo_DockerInfo_Network.NONE:
      return 'none';
    case ContainerInfo_DockerInfo_Network.USER:
      return userNetworkOf(container);
    default:
      return 'host';
  }
}

function userNetworkOf({ networkInfos: [info, ...rest] }: ContainerInfo): string | Failure {
  const refuse = (rule: string): Failure =>
    failure('invalid', `a container in a network of type USER must ${rule}`, {
      field: 'container.network_infos',
    });
  if (!info?.name) return refuse('name it in network_infos');
  if (rest.length > 0) return refuse('name one network in network_infos');
  // The names of the other kinds would lead around what is refused with them.
  if (/^(host|none|bridge|default|container:.*)$/.test(info.name))
    return refuse(`name a network of its own, not '${info.name}'`);
  return info.name;
}

type Bindings = { readonly bindings: Record<string, { HostPort: string }[]> };

/** A port of the machine may be taken only by a task that was given it. */
function portsOf(spec: ContainerSpec, { docker }: ContainerInfo, network: string): Bindings | Failure {
  const refuse = (rule: string): Failure =>
    failure('invalid', rule, { field: 'container.docker.port_mappings' });
  const bindings: Record<string, { HostPort: string }[]> = {};
  const own = spec.resources.ranges('ports');
  for (const mapping of docker?.portMappings ?? []) {
    const { hostPort = 0, containerPort = 0 } = mapping;
    const protocol = (mapping.protocol ?? 'tcp').toLowerCase();
    if (!isInRanges(own, hostPort)) return refuse(`host_port ${hostPort} must be one of the task's ports`);
    if (containerPort < 1 || containerPort > 65_535)
      return refuse(`container_port ${containerPort} must be from 1 to 65535`);
    if (protocol !== 'tcp' && protocol !== 'udp')
      return refuse(`protocol '${mapping.protocol}' must be tcp or udp`);
    if (network === 'host' || network === 'none')
      return refuse('port_mappings need a network of type BRIDGE or USER');
    (bindings[`${containerPort}/${protocol}`] ??= []).push({ HostPort: String(hostPort) });
  }
  return { bindings };
}
