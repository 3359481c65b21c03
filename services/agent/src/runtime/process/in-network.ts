import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { containerFilesOf } from '../../network/container-files';
import type { Networks } from '../../network/networks';
import type { ContainerSpec } from '../container-runtime';

/** The variable by which a task learns its address (E42). */
const addressVariable = 'MESOS_CONTAINER_IP';

/**
 * Takes a container into the networks that it asks for.
 *
 * @returns what is to be run, with what it finds of its networks; as it was for a container that asks for none
 */
export async function inNetwork(networks: Networks | undefined, spec: ContainerSpec): Promise<ContainerSpec> {
  const { network, containerId } = spec;
  if (network === undefined) return spec;
  if (networks === undefined)
    throw new FailureError(
      failure('denied', 'network_infos.name needs an agent that isolates tasks', { field: 'network_infos' }),
    );
  const { directory } = await networks.join(containerId, network);
  const files = await containerFilesOf(directory, spec.container?.mesos?.image !== undefined);
  const mounts = files.map((file) => ({ ...file, readOnly: true, isVolume: false }));
  // What the task wants to see itself comes over them.
  return withAddress(networks, { ...spec, mounts: [...mounts, ...spec.mounts] });
}

/** With the container's address in its environment, where it has one of its own and says nothing else. */
export function withAddress(networks: Networks | undefined, spec: ContainerSpec): ContainerSpec {
  const ip = networks?.of(spec.containerId)?.facts.ip;
  if (ip === undefined) return spec;
  return { ...spec, environment: new Map([[addressVariable, ip], ...spec.environment]) };
}
