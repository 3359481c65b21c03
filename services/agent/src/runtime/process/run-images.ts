import { readFileSync, writeFileSync } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, isFailure, type ContainerId } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { Image_Type, type ContainerInfo, type Image } from '@meseta/protocol';
import type { Credentials } from '../../images/credentials';
import type { ImageStore, StoredImage } from '../../images/image-store';
import { authFor, parseDockerConfig, type RegistryAuth } from '../../images/registry-auth';
import type { ContainerSpec, FetchListener } from '../container-runtime';
import { imageSuffix, type RunFiles } from './layout';

/** The images of one container. */
export interface ContainerImages {
  /** What it runs from; unset for one that runs from the machine's own files. */
  readonly root?: StoredImage;
  /** Those that it has as volumes, in the order of its mounts. */
  readonly volumes: readonly StoredImage[];
}

const none: ContainerImages = { volumes: [] };

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

  /** Brings the images of a container that is to be started; does nothing for one without. */
  async fetch(spec: ContainerSpec, listener: FetchListener, signal: AbortSignal): Promise<void> {
    const { container, mounts } = spec;
    const bring = async (image: Image): Promise<StoredImage> => {
      const found = (await this.inDirectory(image)) ?? (await this.inStore(spec, image, listener, signal));
      if (Buffer.byteLength(found.layers.join(':')) > layersBytesMax)
        throw refusal(image, `it has ${found.layers.length} layers, which are too many to be mounted`);
      return found;
    };
    const image = container?.mesos?.image;
    const wanted = mounts.flatMap((mount) => mount.image ?? []);
    if (image === undefined && wanted.length === 0) return;
    const root = image === undefined ? undefined : await bring(image);
    const volumes: StoredImage[] = [];
    for (const one of wanted) volumes.push(await bring(one));
    const found: ContainerImages = { ...(root !== undefined && { root }), volumes };
    writeFileSync(this.files.image(spec.containerId), JSON.stringify(found), { mode: 0o600 });
  }

  /** The images of a container, brought unless they were. */
  async of(spec: ContainerSpec): Promise<ContainerImages> {
    if (!hasImages(spec.container)) return none;
    const read = this.read(spec.containerId);
    if (read !== undefined) return read;
    await this.fetch(spec, {}, new AbortController().signal);
    return this.read(spec.containerId) ?? none;
  }

  private read(containerId: ContainerId): ContainerImages | undefined {
    try {
      return JSON.parse(readFileSync(this.files.image(containerId), 'utf8')) as ContainerImages;
    } catch {
      return undefined;
    }
  }

  /** An image that the operator has unpacked; it goes before any of that name elsewhere. */
  private async inDirectory(image: Image): Promise<StoredImage | undefined> {
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
  ): Promise<StoredImage> {
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

/** Whether a container asks for images, which may have to be fetched. */
export function hasImages(container: ContainerInfo | undefined): boolean {
  return (
    container?.mesos?.image !== undefined ||
    container?.volumes.some(({ image }) => image !== undefined) === true
  );
}

/** The folders of layers that containers run from: of those of a directory of run files. */
export async function layersInUse(directory: string): Promise<ReadonlySet<string>> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith(imageSuffix));
  const used = new Set<string>();
  for (const name of names) {
    try {
      const { root, volumes } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as ContainerImages;
      for (const { layers } of [...(root === undefined ? [] : [root]), ...volumes])
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
