import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { testRootfs } from './docker-image';

const types = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
};

/** Who may pull, and how they say who they are. */
export interface RegistryAccess {
  readonly username: string;
  readonly password: string;
  /** Basic on each request, or a token that is fetched for it. */
  readonly by: 'basic' | 'token';
}

/**
 * A registry of images on this machine, as much of one as pulling needs. The daemon trusts those at 127.0.0.1 without TLS.
 *
 * @see https://distribution.github.io/distribution/spec/api/
 */
export class ImageRegistry {
  /** Requests for manifests, by image. */
  readonly asked: string[] = [];
  private readonly blobs = new Map<string, Buffer>();
  private base: Promise<Buffer> | undefined;
  private readonly manifests = new Map<string, Buffer>();
  /** Layers of which the second half is kept back. */
  private readonly held = new Map<string, Promise<void>>();

  private constructor(
    private readonly server: Server,
    private readonly access: RegistryAccess | undefined,
  ) {}

  static async start(access?: RegistryAccess): Promise<ImageRegistry> {
    const server = createServer();
    const registry = new ImageRegistry(server, access);
    server.on('request', (request, response) => {
      registry.answer(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /**
   * Makes an image that no daemon has yet: a shell, and a layer of its own.
   *
   * @returns its name, and a function that lets the second half of its layer go, if that is kept back
   */
  async add(repository: string, options: ImageOptions = {}) {
    const own = options.layers ?? [await tarOf({ marker: randomBytes(2 ** 20) })];
    const compress = options.compress ?? gzipSync;
    const layers = [await (this.base ??= baseLayer()), ...own].map((tar) => ({ tar, blob: compress(tar) }));
    const config = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: {
          Env: ['PATH=/bin'],
          ...(options.stopSignal && { StopSignal: options.stopSignal }),
          ...options.config,
        },
        rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => digestOf(tar)) },
      }),
    );
    const described = (mediaType: string, blob: Buffer) => {
      this.blobs.set(digestOf(blob), blob);
      return { mediaType, size: blob.length, digest: digestOf(blob) };
    };
    const manifest = {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: described(types.config, config),
      layers: layers.map(({ blob }) => described(types.layer, blob)),
    };
    const body = Buffer.from(JSON.stringify(manifest));
    if (options.listed === undefined) {
      this.manifests.set(`${repository}/1`, body);
    } else {
      // One that is not for this machine comes first.
      const other = Buffer.from('{"schemaVersion":2}');
      for (const one of [other, body]) this.manifests.set(`${repository}/${digestOf(one)}`, one);
      const manifests = [
        { ...sized(other), platform: { os: 'linux', architecture: 'pdp11' } },
        { ...sized(body), platform: { os: 'linux', architecture: options.listed } },
      ];
      this.manifests.set(`${repository}/1`, Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })));
    }
    let release = (): void => undefined;
    const last = manifest.layers[1]?.digest ?? '';
    if (options.hold === true) this.held.set(last, new Promise((resolve) => (release = resolve)));
    return { name: `${this.address}/${repository}:1`, digest: digestOf(body), release, layers };
  }

  /** Gives something else for a blob from now on. */
  forge(digest: string, blob: Buffer): void {
    this.blobs.set(digest, blob);
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '', 'http://registry');
    if (pathname === '/token') return this.answerToken(request, response);
    if (!this.mayPull(request)) {
      const { by } = this.access ?? {};
      const realm =
        by === 'token' ? `Bearer realm="http://${this.address}/token",service="test"` : 'Basic realm="test"';
      response.writeHead(401, { 'WWW-Authenticate': realm }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      return;
    }
    const [, repository, kind, name = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? [];
    if (kind === undefined) {
      response.writeHead(200, { 'Docker-Distribution-Api-Version': 'registry/2.0' }).end('{}');
      return;
    }
    const found =
      kind === 'blobs'
        ? this.blobs.get(name)
        : (this.manifests.get(`${repository}/${name}`) ??
          [...this.manifests.values()].find((manifest) => digestOf(manifest) === name));
    if (kind === 'manifests') this.asked.push(`${repository}:${name}`);
    if (found === undefined) {
      response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
      return;
    }
    response.writeHead(200, {
      'Content-Type': kind === 'blobs' ? 'application/octet-stream' : types.manifest,
      'Content-Length': found.length,
      'Docker-Content-Digest': digestOf(found),
    });
    const held = request.method === 'GET' ? this.held.get(name) : undefined;
    if (held !== undefined) {
      response.write(found.subarray(0, found.length / 2));
      await held;
      response.end(found.subarray(found.length / 2));
      return;
    }
    response.end(request.method === 'HEAD' ? undefined : found);
  }

  private answerToken(request: IncomingMessage, response: ServerResponse): void {
    if (this.isKnown(request.headers.authorization)) response.end('{"token":"let-me-in"}');
    else response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
  }

  private mayPull({ headers }: IncomingMessage): boolean {
    if (this.access === undefined) return true;
    return this.access.by === 'token'
      ? headers.authorization === 'Bearer let-me-in'
      : this.isKnown(headers.authorization);
  }

  private isKnown(authorization: string | undefined): boolean {
    const { username, password } = this.access ?? {};
    return authorization === `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }
}

/** How an image is made. */
export interface ImageOptions {
  /** Keeps the second half of its last layer back. */
  readonly hold?: boolean;
  readonly stopSignal?: string;
  /** Layers over the shell, tar archives, instead of one of its own. */
  readonly layers?: readonly Buffer[];
  /** More of its configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** How layers are compressed; gzip if unset. */
  readonly compress?: (tar: Buffer) => Buffer;
  /** Puts it into a list of images for several kinds of machines, as that for this architecture. */
  readonly listed?: string;
}

function sized(content: Buffer): { readonly digest: string; readonly size: number } {
  return { digest: digestOf(content), size: content.length };
}

/** The layer with the shell. */
async function baseLayer(): Promise<Buffer> {
  const archive = await testRootfs();
  try {
    return await readFile(archive);
  } finally {
    await rm(dirname(archive), { recursive: true, force: true });
  }
}

/** A configuration of Docker with the credentials of a registry. */
export function dockerConfigOf(address: string, { username, password }: RegistryAccess): string {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return JSON.stringify({ auths: { [address]: { auth } } });
}

function digestOf(data: Buffer): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** A tar archive of files by their paths. */
export async function tarOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'meseta-layer-'));
  try {
    for (const [name, data] of Object.entries(files)) {
      await mkdir(dirname(join(folder, 'files', name)), { recursive: true });
      await writeFile(join(folder, 'files', name), data);
    }
    await promisify(execFile)('tar', ['-C', join(folder, 'files'), '-cf', join(folder, 'layer.tar'), '.']);
    return await readFile(join(folder, 'layer.tar'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
