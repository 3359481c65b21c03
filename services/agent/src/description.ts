import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  failure,
  isFailure,
  parseAttributes,
  parseDomain,
  type Failure,
  type Resources,
} from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { attributesToProto, domainToProto, resourcesToProto, type AgentInfo } from '@meseta/protocol';
import { hostnameOf, type AgentConfig } from './config';
import { attributesOf } from './resources/attributes';
import { detectResources } from './resources/detect';
import { isMountPoint } from './runtime/process/mounts';
import type { ContainerRuntime } from './runtime/container-runtime';
import type { Configuration } from './state/reconfiguration';

/** What the agent tells of itself, but for the id. */
export async function describe(
  config: AgentConfig,
  runtimes: ReadonlyMap<string, ContainerRuntime>,
  gpus: number,
): Promise<{
  readonly info: Omit<AgentInfo, 'id'>;
  readonly resources: Resources;
  readonly identity: Omit<Configuration, 'resources'>;
}> {
  const resources = await detectResources(config.resources, config.workDir, gpus, config.defaultRole);
  if (isFailure(resources)) throw new FailureError(resources);
  const unmounted = await mountRefusal(resources, config.workDir);
  if (unmounted !== undefined) throw new FailureError(unmounted);
  const attributes = attributesOf(config.attributes, runtimes.values());
  if (isFailure(attributes)) throw new FailureError(attributes);
  const domain = config.domain === undefined ? undefined : parseDomain(config.domain);
  if (isFailure(domain)) throw new FailureError(domain);
  const info = {
    hostname: hostnameOf(config),
    resources: resourcesToProto(resources),
    attributes: attributesToProto(attributes),
    ...(domain !== undefined && { domain: domainToProto(domain) }),
  };
  // What is found out of the machine may change with it.
  const said = parseAttributes(config.attributes ?? '');
  const identity = {
    hostname: info.hostname,
    ...(domain !== undefined && { domain }),
    attributes: isFailure(said) ? [] : said,
  };
  return { info, resources, identity };
}

/** A disk of type MOUNT is given out as what is mounted at its root (R50): where nothing is, a task would fill a disk that is another's. */
async function mountRefusal(resources: Resources, workDir: string): Promise<Failure | undefined> {
  for (const { disk } of resources.entries) {
    if (disk?.source?.type !== 'MOUNT') continue;
    const { root } = disk.source;
    const refuse = (rule: string): Failure =>
      failure('invalid', `a disk of type MOUNT must have a root ${rule} (--resources)`);
    if (root === undefined || root === '') return refuse('where something is mounted');
    const place = resolve(workDir, root);
    const real = await realpath(place).catch(() => undefined);
    if (real === undefined || !(await isMountPoint(real)))
      return refuse(`where something is mounted, and at ${place} nothing is`);
  }
  return undefined;
}
