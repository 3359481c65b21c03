import { failure, type Failure } from '@meseta/model';
import type { ContainerInfo } from '@meseta/protocol';
import { validateSecret } from './secret';

/** Each volume of a container comes from exactly one place (S94). */
export function validateVolumes(
  container: ContainerInfo | undefined,
  field = 'container.volumes',
): Failure | undefined {
  const refuse = (rule: string): Failure => failure('invalid', `${field} ${rule}`, { field });
  for (const volume of container?.volumes ?? []) {
    if ((volume.containerPath ?? '') === '') return refuse('must have a container_path');
    const sources = [volume.hostPath, volume.image, volume.source].filter((one) => one !== undefined);
    if (sources.length > 1) return refuse('must have one of host_path, image and source, not several');
    const invalid = validateSecret(volume.source?.secret);
    if (invalid !== undefined) return refuse(`${volume.containerPath ?? ''} ${invalid}`);
  }
  return undefined;
}
