import type { ContainerId } from '@meseta/model';
import type { ContainerInfo, NetworkInfo } from '@meseta/protocol';

/** The networks that a container is to be in. */
export interface ContainerNetwork {
  /** Whose the network namespace is: of a task of a pod it is the pod's, so that all of the pod share it. */
  readonly owner: ContainerId;
  /** Each names a network. */
  readonly infos: readonly NetworkInfo[];
  /** The host name that was asked for. */
  readonly hostname?: string;
}

/** The networks that are asked for by name; undefined for a container that stays on the machine's (G90). */
export function containerNetworkOf(
  container: ContainerInfo | undefined,
  owner: ContainerId,
): ContainerNetwork | undefined {
  const infos = (container?.networkInfos ?? []).filter(isNamed);
  if (infos.length === 0) return undefined;
  const hostname = container?.hostname;
  return { owner, infos, ...(hostname !== undefined && hostname !== '' && { hostname }) };
}

/** One without a name is the machine's own network. */
export function isNamed({ name }: NetworkInfo): boolean {
  return name !== undefined && name !== '';
}
