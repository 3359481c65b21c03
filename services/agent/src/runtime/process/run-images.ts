import { readFileSync, writeFileSync } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, isFailure, type ContainerId } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { Image_Type, type ContainerInfo, type Image } from '@meseta/protocol';
import type { Credentials } from '../../images/credentials';
import type { ImageStore } from '../../images/image-store';
import type { ImageConfig } from '../../images/manifest';
import { authFor, parseDockerConfig, type RegistryAuth } from '../../images/registry-auth';
import type { ContainerSpec, FetchListener } from '../container-runtime';
import { imageSuffix, type RunFiles } from './layout';

/** The image that a container runs from. */
export interface RunImage {
  /** The folders that make it up, the highest first. */
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

/** What overlayfs is told must fit into one page, with the folders of what the task writes. Bytes. */
const layersBytesMax = 3_500;

export interface RunImagesOptions {
  /** Where images lie unpacked, if there are any. */
  readonly directory?: string | undefined;
  /** Unset where none are fetched. */
  readonly store?: ImageStore | undefined;
  readonly credentials?: Credentials | undefined;
  /** Told of each pull that is over, well or not. */
  readonly onPulled?: (outcome: 'pulled' | 'failed') => void;
}

/** Which image each container runs from: found once, and the same for all that is run beside it, whatever its name comes to mean. */
export class RunImages {
  constructor(
    private readonly options: RunImagesOptions,
    private readonly files: RunFiles,
  ) {}

  /** Brings the image of a container that is to be started; does nothing for one without. */
  async fetch(spec: ContainerSpec, listener: FetchListener, signal: AbortSignal): Promise<void> {
    const image = spec.container?.mesos?.image;
    if (image === undefined) return;
    const found = (await this.inDirectory(image)) ?? (await this.inStore(spec, image, listener, signal));
    if (Buffer.byteLength(found.layers.join(':')) > layersBytesMax)
      throw refusal(image, `it has ${found.layers.length} layers, which are too many to be mounted`);
    writeFileSync(this.files.image(spec.containerId), JSON.stringify(found), { mode: 0o600 });
  }

  /** The image of a container, brought unless it was. */
  async of(spec: ContainerSpec): Promise<RunImage | undefined> {
    if (spec.container?.mesos?.image === undefined) return undefined;
    const read = this.read(spec.containerId);
    if (read !== undefined) return read;
    await this.fetch(spec, {}, new AbortController().signal);
    return this.read(spec.containerId);
  }

  private read(containerId: ContainerId): RunImage | undefined {
    try {
      return JSON.parse(readFileSync(this.files.image(containerId), 'utf8')) as RunImage;
    } catch {
      return undefined;
    }
  }

  /** An image that the operator has unpacked; it goes before any of that name elsewhere. */
  private async inDirectory(image: Image): Promise<RunImage | undefined> {
    const { directory, store } = this.options;
    const name = nameOf(image);
    if (directory === undefined) return undefined;
    const root = join(directory, name, 'rootfs');
    if (name === '' || !root.startsWith(`${join(directory)}/`))
      throw refusal(image, 'its name leads elsewhere');
    try {
      await access(root);
    } catch {
      if (store !== undefined && image.type !== Image_Type.APPC) return undefined;
      throw refusal(image, `there is no ${root}`);
    }
    return { layers: [root], config: { environment: [], entrypoint: [], command: [] } };
  }

  private async inStore(
    spec: ContainerSpec,
    image: Image,
    listener: FetchListener,
    signal: AbortSignal,
  ): Promise<RunImage> {
    const { store, onPulled } = this.options;
    if (image.type === Image_Type.APPC || image.docker === undefined)
      throw refusal(image, 'App Container images are taken from --image-directory only');
    if (store === undefined)
      throw refusal(image, 'this agent has no images (--image-providers, --image-directory)');
    const name = nameOf(image);
    const auth = await this.authOf(spec, name);
    try {
      const pulled = await store.ensure(name, { always: image.cached === false, auth, listener, signal });
      if (pulled) onPulled?.('pulled');
    } catch (error) {
      if (!signal.aborted) onPulled?.('failed');
      throw error;
    }
    const found = store.use(name);
    if (found === undefined) throw refusal(image, 'it was deleted');
    return found;
  }

  /** Who to be to the registry: what the image itself says goes first, then the task's file, then the agent's. */
  private async authOf(
    { registryConfig, sandbox }: ContainerSpec,
    name: string,
  ): Promise<RegistryAuth | undefined> {
    if (registryConfig !== undefined) {
      const auths = parseDockerConfig(registryConfig);
      if (isFailure(auths)) throw new FailureError(auths);
      const own = authFor(auths, name);
      if (own !== undefined) return own;
    }
    const auth = await this.options.credentials?.for(name, sandbox);
    if (isFailure(auth)) throw new FailureError(auth);
    return auth;
  }
}

/** Whether a container runs from an image, which may have to be fetched. */
export function hasImage(container: ContainerInfo | undefined): boolean {
  return container?.mesos?.image !== undefined;
}

/** The folders of layers that containers run from: of those of a directory of run files. */
export async function layersInUse(directory: string): Promise<ReadonlySet<string>> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith(imageSuffix));
  const used = new Set<string>();
  for (const name of names) {
    try {
      const { layers } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as RunImage;
      for (const layer of layers) used.add(layer);
    } catch {
      // Gone meanwhile, or cut off by the end of the machine: nothing runs from it.
    }
  }
  return used;
}

function nameOf(image: Image): string {
  return image.docker?.name ?? image.appc?.name ?? '';
}

function refusal(image: Image, why: string): FailureError {
  return new FailureError(
    failure('conflict', `no image '${nameOf(image)}': ${why}`, { field: 'container.mesos.image' }),
  );
}
