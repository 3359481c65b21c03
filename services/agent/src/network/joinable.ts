import { isIP } from 'node:net';
import { isInRanges, type Resources } from '@meseta/model';
import type { ContainerInfo, NetworkInfo } from '@meseta/protocol';
import { protocolsOf } from './arguments';
import { isNamed } from './container-network';
import { canTell, type NetworkConfig } from './network-config';

/**
 * Why a container cannot join the networks that it names; undefined if it can.
 *
 * @param resources of whose ports the mapped ones must be
 * @param networks those of the agent; undefined where none can be joined
 */
export function networkRefusal(
  container: ContainerInfo | undefined,
  resources: Resources,
  networks: ReadonlyMap<string, NetworkConfig> | undefined,
): string | undefined {
  const infos = container?.networkInfos ?? [];
  if (infos.length === 0) return undefined;
  if (networks === undefined && infos.some(isNamed))
    return 'network_infos.name needs an agent that runs as root and isolates tasks (--isolate-processes)';
  const names = infos.filter(isNamed).map(({ name }) => name ?? '');
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) return `network_infos must not name network '${twice}' twice`;
  for (const info of infos) {
    const refusal = isNamed(info) ? refusalOf(info, resources, networks) : refusalOfHost(info);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** On the machine's network there is nothing to choose. */
function refusalOfHost({ portMappings, ipAddresses }: NetworkInfo): string | undefined {
  if (portMappings.length > 0) return 'network_infos.port_mappings needs network_infos.name';
  if (ipAddresses.some(({ ipAddress }) => ipAddress))
    return 'network_infos.ip_addresses needs network_infos.name';
  return undefined;
}

function refusalOf(
  { name = '', portMappings, ipAddresses }: NetworkInfo,
  resources: Resources,
  networks: ReadonlyMap<string, NetworkConfig> | undefined,
): string | undefined {
  const network = networks?.get(name);
  if (network === undefined) return `no network '${name}' on this agent (network_infos.name)`;
  for (const { ipAddress, protocol } of ipAddresses) {
    if (!ipAddress) continue;
    if (protocol !== undefined && !/UNSPECIFIED/.test(String(protocol)))
      return 'network_infos.ip_addresses must not have both ip_address and protocol';
    if (isIP(ipAddress.split('/')[0] ?? '') === 0)
      return `network_infos.ip_addresses.ip_address must be an address, not '${ipAddress}'`;
    if (!canTell(network, 'ips'))
      return `network_infos.ip_addresses: no plugin of network '${name}' has the capability ips`;
  }
  if (portMappings.length > 0 && !canTell(network, 'portMappings'))
    return `network_infos.port_mappings: no plugin of network '${name}' has the capability portMappings`;
  for (const mapping of portMappings) {
    const refusal = refusalOfMapping(mapping, resources);
    if (refusal !== undefined) return `network_infos.port_mappings.${refusal}`;
  }
  return undefined;
}

function refusalOfMapping(
  { hostPort, containerPort, protocol }: NetworkInfo['portMappings'][number],
  resources: Resources,
): string | undefined {
  if (protocolsOf(protocol).some((one) => one !== 'tcp' && one !== 'udp'))
    return `protocol must be tcp or udp, not '${protocol}'`;
  if (containerPort === undefined || containerPort < 1 || containerPort > 65_535)
    return 'container_port must be 1 to 65535';
  if (hostPort === undefined || !isInRanges(resources.ranges('ports'), hostPort))
    return `host_port must be among the task’s ports, and ${hostPort ?? 'none'} is not`;
  return undefined;
}
