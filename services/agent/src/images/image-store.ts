import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { access, mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, failure, isFailure } from '@meseta/model';
import { FailureError, type Timers } from '@meseta/kit';
import { megabytesOf } from '../effects/start-progress';
import { openArchive } from './archive';
import type { ImageShelf } from './image-collector';
import { parseImageName } from './image-name';
import type { PulledImage } from './image-record';
import { saveLayer, unpackLayer } from './layer-archive';
import { digestOf, type ImageConfig, type ImageDescription } from './manifest';
import { RegistryError, RegistryPull, type RegistryOptions } from './registry';
import type { RegistryAuth } from './registry-auth';
import { SharedFetches, type FetchContext, type Waiter } from './shared-fetches';
import { convertWhiteouts } from './whiteouts';

/** How many layers of an image come at once. */
const layersAtOnce = 3;

/** An image that is there. */
export interface StoredImage {
  /** The folders of its layers, the highest first: what overlayfs takes as lowerdir, joined by colons. */
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

/** What the store's list has of an image. */
interface Entry extends PulledImage {
  /** Names of folders, the lowest first. */
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

/** How an image is wanted. */
export interface StoreWish extends Waiter {
  /** Ask its registry even if it is there. */
  readonly always: boolean;
  /** Who to be to its registry; unset is nobody. */
  readonly auth: RegistryAuth | undefined;
}

export interface ImageStoreOptions {
  /** The agent's alone. */
  readonly directory: string;
  /** A registry, or a folder with archives as `docker save` writes them, each as `<name>.tar`. */
  readonly source: Omit<RegistryOptions, 'home'> & { readonly home: URL | string };
  /** The folders of layers that containers use now. */
  readonly inUse: () => Promise<ReadonlySet<string>>;
  readonly timers: Timers;
  readonly nowMs?: () => number;
}

/**
 * Images of Docker and OCI on the agent's disk, each layer once whoever shares it: a folder as overlayfs takes it, named by what is in it and in those
 * below it, since what a layer takes away of those is in it too.
 */
export class ImageStore implements ImageShelf {
  private readonly entries = new Map<string, Entry>();
  private readonly pulls: SharedFetches<void>;
  /** The layers of images that are being brought, and of how many: nobody uses them yet, and nobody may take them away. */
  private readonly wanted = new Map<string, number>();

  private constructor(private readonly options: ImageStoreOptions) {
    this.pulls = new SharedFetches(
      options.timers,
      (error) => error instanceof RegistryError && error.mayPass,
    );
  }

  /** Opens what an earlier life of the agent has left; what was not finished then is thrown away. */
  static async open(options: ImageStoreOptions): Promise<ImageStore> {
    const store = new ImageStore(options);
    await rm(store.path('new'), { recursive: true, force: true });
    await mkdir(store.path('layers'), { recursive: true, mode: 0o700 });
    const there = new Set(await readdir(store.path('layers')));
    for (const entry of store.readList())
      if (entry.layers.every((name) => there.has(name))) store.entries.set(entry.name, entry);
    await store.sweep();
    return store;
  }

  /**
   * Makes sure that an image is there.
   *
   * @returns whether it was fetched; rejects with a FailureError for the task's framework, also when who wants it has given up
   */
  async ensure(name: string, wish: StoreWish): Promise<boolean> {
    if (!wish.always && this.entries.has(name)) return false;
    try {
      await this.pulls.want(
        JSON.stringify([name, wish.auth]),
        (context) => this.pull(name, wish.auth, context),
        wish,
      );
      return true;
    } catch (error) {
      const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      throw new FailureError(
        failure('conflict', `cannot pull image '${name}': ${why}`, { field: 'container.mesos.image' }),
      );
    }
  }

  /** An image that is there, from now on the last that would go. */
  use(name: string): StoredImage | undefined {
    const entry = this.entries.get(name);
    if (entry === undefined) return undefined;
    this.put({ ...entry, usedAtMs: this.nowMs() });
    return { layers: entry.layers.map((layer) => this.layer(layer)).reverse(), config: entry.config };
  }

  /** The images that are there, for whoever collects them. */
  all(): readonly PulledImage[] {
    return [...this.entries.values()];
  }

  async freePart(): Promise<number> {
    const { blocks, bavail } = await statfs(this.options.directory);
    return blocks === 0 ? 1 : bavail / blocks;
  }

  async used(): Promise<(name: string) => boolean> {
    const inUse = await this.options.inUse();
    // A layer that is its highest is of no other image, but for one that has it lower down.
    return (name) => inUse.has(this.layer(this.entries.get(name)?.layers.at(-1) ?? ''));
  }

  async delete(name: string): Promise<'deleted' | 'gone' | 'used'> {
    if ((await this.used())(name)) return 'used';
    if (!this.entries.delete(name)) return 'gone';
    this.writeList();
    await this.sweep();
    return 'deleted';
  }

  private async pull(name: string, auth: RegistryAuth | undefined, context: FetchContext): Promise<void> {
    const { home } = this.options.source;
    const place = this.path('new', randomUUID());
    await mkdir(place, { recursive: true });
    try {
      if (typeof home === 'string') await this.pullArchive(name, home, place, context.signal);
      else await this.pullRemote(name, { ...this.options.source, home }, auth, place, context);
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  }

  private async pullRemote(
    name: string,
    source: RegistryOptions,
    auth: RegistryAuth | undefined,
    place: string,
    { progress, signal }: FetchContext,
  ): Promise<void> {
    const reference = parseImageName(name);
    if (isFailure(reference)) throw new FailureError(reference);
    const remote = new RegistryPull(source, reference, auth, signal);
    const { manifest, description } = await remote.describe();
    const total = manifest.layers.reduce((sum, { size }) => sum + size, 0);
    let came = 0;
    let there = 0;
    const tell = (): void =>
      progress(
        () =>
          `pulling image ${name}: ${there} of ${manifest.layers.length} layers, ${megabytesOf(came, total)}`,
      );
    const names = chainOf(description.diffIds);
    return this.holding(names, async () => {
      const missing: number[] = [];
      for (const [i, name] of names.entries())
        if (await isThere(this.layer(name))) there++;
        else missing.push(i);
      const bring = async (): Promise<void> => {
        for (let i = missing.shift(); i !== undefined; i = missing.shift()) {
          const blob = manifest.layers[i];
          assert(blob !== undefined, 'there are as many layers as digests');
          await saveLayer(await remote.blob(blob), join(place, `${i}.tar`), blob, (bytes) => {
            came += bytes;
            tell();
          });
          there++;
          tell();
        }
      };
      await Promise.all(Array.from({ length: layersAtOnce }, bring));
      await this.place(description, (i) => join(place, `${i}.tar`), place, signal);
      this.put({ name, usedAtMs: this.nowMs(), layers: names, config: description.config });
    });
  }

  private async pullArchive(name: string, folder: string, place: string, signal: AbortSignal): Promise<void> {
    const { description, layers: files } = await openArchive(folder, name, place, signal);
    const names = chainOf(description.diffIds);
    return this.holding(names, async () => {
      await this.place(description, (i) => files[i] ?? '', place, signal);
      this.put({ name, usedAtMs: this.nowMs(), layers: names, config: description.config });
    });
  }

  /** Unpacks the layers that are not there, the lowest first: what one takes away of those below it is looked up there. */
  private async place(
    { diffIds }: ImageDescription,
    archiveOf: (index: number) => string,
    place: string,
    signal: AbortSignal,
  ): Promise<void> {
    const below: string[] = [];
    for (const [i, name] of chainOf(diffIds).entries()) {
      const layer = this.layer(name);
      if (!(await isThere(layer))) {
        const folder = join(place, String(i));
        await mkdir(folder, { mode: 0o755 });
        await unpackLayer(archiveOf(i), folder, diffIds[i] ?? '', signal);
        await rm(archiveOf(i), { force: true });
        await convertWhiteouts(folder, below);
        await rename(folder, layer).catch(async (error: unknown) => {
          // Another image that shares it may have been faster.
          if (!(await isThere(layer))) throw error;
        });
      }
      below.push(layer);
    }
  }

  /** Sees to it that nobody takes layers away while an image of them comes. */
  private async holding<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    for (const name of names) this.wanted.set(name, (this.wanted.get(name) ?? 0) + 1);
    try {
      return await work();
    } finally {
      for (const name of names) {
        const others = (this.wanted.get(name) ?? 1) - 1;
        if (others === 0) this.wanted.delete(name);
        else this.wanted.set(name, others);
      }
    }
  }

  /** Takes layers away that are of no image, and that nobody uses. */
  private async sweep(): Promise<void> {
    const kept = new Set([...this.entries.values()].flatMap(({ layers }) => layers));
    const inUse = await this.options.inUse();
    for (const name of await readdir(this.path('layers'))) {
      if (kept.has(name) || this.wanted.has(name) || inUse.has(this.layer(name))) continue;
      // In one step: a folder of which a part is gone is no layer.
      const away = this.path('new', randomUUID());
      await mkdir(this.path('new'), { recursive: true });
      await rename(this.layer(name), away);
      await rm(away, { recursive: true, force: true });
    }
  }

  private put(entry: Entry): void {
    this.entries.set(entry.name, entry);
    this.writeList();
  }

  private readList(): readonly Entry[] {
    try {
      return JSON.parse(readFileSync(this.path('images.json'), 'utf8')) as Entry[];
    } catch {
      // There is none yet; of one that is cut off the images are fetched again.
      return [];
    }
  }

  private writeList(): void {
    const path = this.path('images.json');
    mkdirSync(this.options.directory, { recursive: true });
    writeFileSync(`${path}.new`, JSON.stringify([...this.entries.values()]));
    renameSync(`${path}.new`, path);
  }

  private layer(name: string): string {
    return this.path('layers', name);
  }

  private path(...names: string[]): string {
    return join(this.options.directory, ...names);
  }

  private nowMs(): number {
    return (this.options.nowMs ?? Date.now)();
  }
}

/** How many hexadecimal digits name a layer: enough to tell them apart, and short, since all go into one page of mount options. */
const layerNameLength = 20;

/**
 * The names of layers, each by its content and that of those below.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
 */
export function chainOf(diffIds: readonly string[]): readonly string[] {
  let chain = '';
  return diffIds.map((diffId) => {
    chain = chain === '' ? diffId : digestOf(`${chain} ${diffId}`);
    return chain.slice('sha256:'.length, 'sha256:'.length + layerNameLength);
  });
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
