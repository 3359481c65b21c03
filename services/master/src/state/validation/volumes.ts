import { failure, type Failure } from '@meseta/model';
import type { ContainerInfo } from '@meseta/protocol';

/** Each volume of a container comes from exactly one place (S94). */
export function validateVolumes(container: ContainerInfo | undefined): Failure | undefined {
  for (const volume of container?.volumes ?? []) {
    if ((volume.containerPath ?? '') === '') return refuse('must have a container_path');
    const sources = [volume.hostPath, volume.image, volume.source].filter((one) => one !== undefined);
    if (sources.length > 1) return refuse('must have one of host_path, image and source, not several');
  }
  return undefined;
}

function refuse(rule: string): Failure {
  return failure('invalid', `container.volumes ${rule}`, { field: 'container.volumes' });
}
