import { isAbsolute, join } from 'node:path';
import { failure, isFailure, type Failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { ContainerInfo } from '@meseta/protocol';
import { makeFolder, wayOf } from '../../sandbox/links';
import { sandboxInContainer } from '../../sandbox/paths';
import type { ContainerSpec } from '../container-runtime';
import type { Draft } from './draft';
import { placeOf } from './volume-place';

/** What must be so of the sandbox before a container that sees parts of it is made. Absolute paths of the machine. */
export interface SandboxFolders {
  /** Made unless they are there. */
  readonly made: readonly string[];
  /** Must lie in the sandbox even when every link is followed. */
  readonly within: readonly string[];
}

/** Mounts the sandbox, the persistent volumes and what the task wants besides (G65); or what is wrong with that. */
export function mountVolumes(
  draft: Draft,
  spec: ContainerSpec,
  container: ContainerInfo,
  allowPrivileged: boolean,
): SandboxFolders | Failure {
  const binds = [`${spec.sandbox}:${sandboxInContainer}:rw`];
  for (const { source, target, readOnly } of spec.mounts) {
    const inside = isAbsolute(target) ? target : join(sandboxInContainer, target);
    binds.push(`${source}:${inside}:${readOnly ? 'ro' : 'rw'}`);
  }
  const made: string[] = [];
  const within: string[] = [];
  const driver = container.docker?.volumeDriver;
  for (const volume of container.volumes) {
    const place = placeOf(volume, { sandbox: spec.sandbox, driver, allowPrivileged });
    if (isFailure(place)) return place;
    if (place.bind !== undefined) binds.push(place.bind);
    if (place.mount !== undefined) (draft.HostConfig.Mounts ??= []).push(place.mount);
    if (place.inSandbox === undefined) continue;
    within.push(place.inSandbox);
    if (place.mount !== undefined) made.push(place.inSandbox);
  }
  draft.HostConfig.Binds = binds;
  return { made, within };
}

/**
 * Makes the folders that a container wants of its sandbox.
 *
 * @throws FailureError where a link, which a fetched archive may hold, leads out of the sandbox: the daemon would follow it
 */
export function makeFolders(sandbox: string, { made, within }: SandboxFolders): void {
  for (const path of within) {
    if (wayOf(path, sandbox) === 'inside') continue;
    const rule = `volume: '${path.slice(sandbox.length + 1)}' must not lead out of the sandbox`;
    throw new FailureError(failure('denied', rule, { field: 'container.volumes' }));
  }
  for (const path of made) makeFolder(path);
}
