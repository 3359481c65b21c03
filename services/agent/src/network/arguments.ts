import type { NetworkInfo } from '@meseta/protocol';
import type { JsonObject, NetworkCapability } from './network-config';

/** What a network's plugins are told for one container, each only what it declares; see the conventions of CNI. */
export type CapabilityArguments = Readonly<Partial<Record<NetworkCapability, unknown>>>;

export function capabilityArgumentsOf({ portMappings, ipAddresses }: NetworkInfo): CapabilityArguments {
  const ports = portMappings.flatMap(({ hostPort, containerPort, protocol }) =>
    protocolsOf(protocol).map((name) => ({ hostPort, containerPort, protocol: name })),
  );
  const ips = ipAddresses.flatMap(({ ipAddress }) => (ipAddress ? [ipAddress] : []));
  return {
    ...(ports.length > 0 && { portMappings: ports }),
    ...(ips.length > 0 && { ips }),
  };
}

/** A mapping that names no protocol is of both. */
export function protocolsOf(protocol: string | undefined): readonly string[] {
  return protocol === undefined || protocol === '' ? ['tcp', 'udp'] : [protocol.toLowerCase()];
}

/** The description of the network as Mesos hands it to plugins, which may know labels and groups. */
export function mesosArgumentsOf({ name, labels, groups, portMappings }: NetworkInfo): JsonObject {
  const network = {
    name,
    ...(groups.length > 0 && { groups }),
    ...(labels !== undefined && { labels: { labels: labels.labels } }),
    ...(portMappings.length > 0 && {
      port_mappings: portMappings.map(({ hostPort, containerPort, protocol }) => ({
        host_port: hostPort,
        container_port: containerPort,
        ...(protocol !== undefined && { protocol }),
      })),
    }),
  };
  return { 'org.apache.mesos': { network_info: network } };
}
