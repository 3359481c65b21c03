import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';
import { ContainerInfo_Type, type ContainerInfo } from '@meseta/protocol';

/** Where a task without an image, or a group, is on the network. */
export interface NetworkSpec {
  /** The name of one of the agent's networks; the machine's own if unset, or `host`. */
  readonly network?: string;
  /** Ports of the machine, which must be among its resources, that lead into its network. */
  readonly portMappings?: readonly PortMappingSpec[];
}

/** A port of the machine that leads into a network. */
export interface PortMappingSpec {
  readonly hostPort: number;
  readonly containerPort: number;
  /** Both if unset. */
  readonly protocol?: 'tcp' | 'udp';
}

/** The container of whatever is in such a network; undefined on the machine's own. Throws a `FailureError` for ports that lead nowhere. */
export function networkedContainer({ network, portMappings = [] }: NetworkSpec): ContainerInfo | undefined {
  if (network === undefined || network === 'host') {
    if (portMappings.length === 0) return undefined;
    throw new FailureError(
      failure('invalid', 'portMappings need a network that is not the machine’s', { field: 'portMappings' }),
    );
  }
  const info = { name: network, ipAddresses: [], groups: [], portMappings: [...portMappings] };
  return { type: ContainerInfo_Type.MESOS, volumes: [], networkInfos: [info] };
}
