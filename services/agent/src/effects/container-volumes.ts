import { isAbsolute, join, normalize, relative } from 'node:path';
import { failure, type ContainerId, type Failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import {
  MountPropagation_Mode,
  Volume_Mode,
  Volume_Source_SandboxPath_Type,
  Volume_Source_Type,
  type Volume,
} from '@meseta/protocol';
import { machine, type ContainerMount } from '../runtime/container-runtime';
import type { SecretResolver } from '../secrets/resolver';
import type { SecretFiles } from '../secrets/secret-files';

/**
 * What a task wants to see of the machine, of its own sandbox, or of its group's (G65).
 *
 * @param parent the group that the task is in; unset for one that is in none
 */
export function containerVolumes(
  volumes: readonly Volume[],
  sandbox: string,
  parent: Parent | undefined,
): readonly ContainerMount[] {
  const mounts: ContainerMount[] = [];
  for (const volume of volumes) {
    if (isSecret(volume)) continue;
    const source = sourceOf(volume, sandbox, parent);
    if ('failure' in source) throw new FailureError(source);
    const target = volume.containerPath ?? '';
    const readOnly = volume.mode === Volume_Mode.RO || source.readOnly === true;
    mounts.push({ isVolume: false, ...source, target, readOnly });
  }
  return mounts;
}

/** Secrets that a task wants to find as files: only its user may read them, and they are nowhere but in memory (G65). */
export async function secretVolumes(
  volumes: readonly Volume[],
  containerId: ContainerId,
  resolve: SecretResolver,
  files: SecretFiles,
): Promise<readonly ContainerMount[]> {
  const mounts: ContainerMount[] = [];
  for (const [i, volume] of volumes.entries()) {
    const secret = volume.source?.secret;
    if (!isSecret(volume) || secret === undefined) continue;
    const source = await files.write(containerId, i, resolve(secret));
    mounts.push({ source, target: volume.containerPath ?? '', readOnly: true, isVolume: true });
  }
  return mounts;
}

function isSecret({ source }: Volume): boolean {
  return source?.type === Volume_Source_Type.SECRET;
}

/** Where a volume comes from, and in which sandbox it must be; unset for one of the machine. */
type Source = Pick<ContainerMount, 'source' | 'within' | 'image'> &
  Partial<Pick<ContainerMount, 'readOnly' | 'isVolume'>>;

/** What the tasks of a group share. */
export interface Parent {
  readonly sandbox: string;
  /** The persistent volumes of their executor, each at its place in that sandbox. */
  readonly volumes: readonly ContainerMount[];
  /** Whether others of it run: then the volumes keep their owner. */
  readonly isBusy: boolean;
}

function sourceOf(volume: Volume, sandbox: string, parent: Parent | undefined): Source | Failure {
  const { containerPath, hostPath, source, image } = volume;
  const refuse = (rule: string): Failure =>
    failure('invalid', `volume ${containerPath ?? ''}: ${rule}`, { field: 'container.volumes' });
  if (!containerPath) return refuse('container_path must be set');
  if (image !== undefined) {
    if (hostPath || source !== undefined) return refuse('image must not be set together with another source');
    return { source: '', image };
  }
  if (source === undefined) {
    if (!hostPath) return refuse('host_path must be set');
    return isAbsolute(hostPath)
      ? ofMachine(hostPath)
      : (within(sandbox, hostPath) ?? refuse('a relative host_path must lie in the sandbox'));
  }
  switch (source.type) {
    case Volume_Source_Type.HOST_PATH: {
      const { path = '', mountPropagation } = source.hostPath ?? {};
      // A task's mounts are its own, and so are the machine's.
      if ((mountPropagation?.mode ?? MountPropagation_Mode.UNKNOWN) !== MountPropagation_Mode.UNKNOWN)
        return refuse('source.host_path.mount_propagation needs a container of type DOCKER');
      return isAbsolute(path) ? ofMachine(path) : refuse('source.host_path.path must be absolute');
    }
    case Volume_Source_Type.SANDBOX_PATH: {
      const { type, path = '' } = source.sandboxPath ?? {};
      const outside = refuse('source.sandbox_path.path must lie in the sandbox');
      if (type !== Volume_Source_SandboxPath_Type.PARENT) return within(sandbox, path) ?? outside;
      if (parent === undefined) return refuse('source.sandbox_path of type PARENT needs a task of a group');
      return ofParent(parent, path) ?? outside;
    }
    default:
      return refuse('only sources of type HOST_PATH, SANDBOX_PATH and SECRET are supported');
  }
}

/** A place in the sandbox of the group, or on a volume that its executor has there (E50). */
function ofParent({ sandbox, volumes, isBusy }: Parent, path: string): Source | undefined {
  const place = withoutSlash(path);
  for (const { target, source, readOnly } of volumes) {
    const own = withoutSlash(target);
    if (place !== own && !place.startsWith(`${own}/`)) continue;
    return {
      source: join(source, place.slice(own.length)),
      within: source,
      readOnly,
      isVolume: place === own && !isBusy,
    };
  }
  return within(sandbox, path);
}

function withoutSlash(path: string): string {
  return normalize(path).replace(/\/$/, '');
}

function ofMachine(source: string): Source {
  return { source, within: machine };
}

function within(root: string, path: string): Source | undefined {
  const source = join(root, path);
  const way = relative(root, source);
  return way === '' || way === '..' || way.startsWith('../') ? undefined : { source, within: root };
}
