import { isAbsolute } from 'node:path';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { failure, isFailure, type Failure } from '@meseta/model';
import { FailureError, isLoopback } from '@meseta/kit';
import { defaultRegistry, isDigest, type ImageReference } from './image-name';
import {
  digestOf,
  manifestTypes,
  parseDescription,
  parseManifest,
  type Descriptor,
  type ImageDescription,
  type Manifest,
} from './manifest';
import type { RegistryAuth } from './registry-auth';

/** No description of an image is longer. Bytes. */
const descriptionBytesMax = 8 * 1024 * 1024;

/** An image may be had from a registry, and this is whether it may be had in a moment where it was not. */
export class RegistryError extends FailureError {
  constructor(
    message: string,
    readonly mayPass: boolean,
  ) {
    super(failure('conflict', message));
  }
}

export interface RegistryOptions {
  /** Where images are from whose name has no registry, as a URL; its scheme also holds for names with that registry. */
  readonly home: URL;
  /** How long a registry may send nothing. Milliseconds. */
  readonly stallMs: number;
  readonly architecture: string;
}

/** An image of a registry. */
export interface RemoteImage {
  readonly manifest: Manifest;
  readonly description: ImageDescription;
}

/**
 * One image in its registry, as one who may pull it. Pulls only, over HTTPS but on this machine and where the operator says otherwise.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export class RegistryPull {
  private readonly base: URL;
  /** The header that the registry wants; found out with the first refusal. */
  private authorization: string | undefined;

  constructor(
    private readonly options: RegistryOptions,
    private readonly image: ImageReference,
    private readonly auth: RegistryAuth | undefined,
    private readonly signal: AbortSignal,
  ) {
    this.base = new URL(`/v2/${image.repository}/`, baseOf(image.registry, options.home));
  }

  /** Reads what the image is made of, for this kind of machine. */
  async describe(): Promise<RemoteImage> {
    const { architecture } = this.options;
    const wanted = this.image.reference;
    let found = parseManifest(await this.manifest(wanted), architecture);
    if (!isFailure(found) && 'digest' in found)
      found = parseManifest(await this.manifest(found.digest), architecture);
    if (isFailure(found)) throw new RegistryError(found.message, false);
    if ('digest' in found) throw new RegistryError('its description is a list of lists', false);
    const { config } = found;
    if (config.size > descriptionBytesMax) throw new RegistryError('its configuration is too long', false);
    const text = await textOf(await this.blob(config), config.size);
    if (digestOf(text) !== config.digest)
      throw new RegistryError('its configuration is not what its description says', true);
    const description = parseDescription(text);
    if (isFailure(description)) throw new RegistryError(description.message, false);
    if (description.diffIds.length !== found.layers.length)
      throw new RegistryError('its configuration and its description differ in their layers', false);
    return { manifest: found, description };
  }

  /** What a descriptor names, as it comes: whoever reads it sees whether it is that. */
  async blob({ digest }: Descriptor): Promise<Readable> {
    const { body } = await this.get(`blobs/${digest}`, undefined);
    return body;
  }

  private async manifest(reference: string): Promise<string> {
    const { body } = await this.get(`manifests/${reference}`, manifestTypes.join(', '));
    const text = await textOf(body, descriptionBytesMax);
    if (isDigest(reference) && digestOf(text) !== reference)
      throw new RegistryError('its description is not what its digest says', true);
    return text;
  }

  private async get(path: string, accept: string | undefined): Promise<{ readonly body: Readable }> {
    const url = new URL(path, this.base);
    const headers = (): Record<string, string> => ({
      ...(accept !== undefined && { accept }),
      ...(this.authorization !== undefined && { authorization: this.authorization }),
    });
    let response = await this.ask(url, { headers: headers() });
    if (response.status === 401) {
      await response.body?.cancel();
      this.authorization = await this.authorize(response.headers.get('www-authenticate') ?? '');
      response = await this.ask(url, { headers: headers() });
    }
    await this.refuseUnlessOk(response);
    return { body: this.watched(response) };
  }

  /** Says who we are, as the registry wants to hear it: by name and password, or by a token that somebody else gives us for that. */
  private async authorize(challenge: string): Promise<string | undefined> {
    const { username, password, identitytoken, registrytoken } = this.auth ?? {};
    if (registrytoken !== undefined) return `Bearer ${registrytoken}`;
    const basic =
      username === undefined || password === undefined
        ? undefined
        : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const [, scheme = '', rest = ''] = /^\s*(\w+)\s*(.*)$/s.exec(challenge) ?? [];
    if (scheme.toLowerCase() !== 'bearer') return basic;
    const said = new Map(
      [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
    );
    const realm = URL.canParse(said.get('realm') ?? '') ? new URL(said.get('realm') ?? '') : undefined;
    // A registry that is spoken to in secret does not make us tell a password in public.
    if (realm === undefined || (realm.protocol !== 'https:' && realm.protocol !== this.base.protocol))
      throw new RegistryError('its registry does not say where to get a token', false);
    const query = {
      service: said.get('service') ?? '',
      scope: said.get('scope') ?? `repository:${this.image.repository}:pull`,
    };
    const response =
      identitytoken === undefined
        ? await this.ask(withQuery(realm, query), {
            headers: basic === undefined ? {} : { authorization: basic },
          })
        : await this.ask(realm, {
            method: 'POST',
            body: new URLSearchParams({
              ...query,
              grant_type: 'refresh_token',
              refresh_token: identitytoken,
              client_id: 'meseta',
            }),
          });
    await this.refuseUnlessOk(response);
    const answer = (await response.json().catch(() => ({}))) as { token?: unknown; access_token?: unknown };
    const token = answer.token ?? answer.access_token;
    if (typeof token !== 'string') throw new RegistryError('its registry gives no token', true);
    return `Bearer ${token}`;
  }

  private async refuseUnlessOk(response: Response): Promise<void> {
    const { ok, status } = response;
    if (ok) return;
    await response.body?.cancel();
    if (status === 401 || status === 403)
      throw new RegistryError(`its registry does not let this agent have it (${status})`, false);
    if (status === 404) throw new RegistryError('its registry does not have it', false);
    throw new RegistryError(`its registry answers with ${status}`, status === 429 || status >= 500);
  }

  private async ask(url: URL, init: RequestInit): Promise<Response> {
    const { stallMs } = this.options;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), stallMs);
    try {
      // What it redirects to is not told who we are, if it is another machine.
      return await fetch(url, { ...init, signal: AbortSignal.any([this.signal, late.signal]) });
    } catch (error) {
      if (this.signal.aborted) throw new RegistryError('it is not wanted any more', false);
      if (late.signal.aborted) throw silent(stallMs);
      const { cause, message } = error as Error & { cause?: Error };
      throw new RegistryError(`its registry cannot be reached: ${cause?.message ?? message}`, true);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The body, which fails when nothing comes of it for too long though somebody reads. */
  private watched({ body }: Response): Readable {
    const { stallMs } = this.options;
    const watch = new PassThrough();
    const look = (): void => {
      if (watch.readableLength >= watch.readableHighWaterMark) timer.refresh();
      else watch.destroy(silent(stallMs));
    };
    const timer = setTimeout(look, stallMs);
    watch.on('data', () => timer.refresh()).pause();
    pipeline(body === null ? Readable.from([]) : Readable.fromWeb(body as never), watch, () =>
      clearTimeout(timer),
    );
    return watch;
  }
}

function silent(ms: number): RegistryError {
  return new RegistryError(`its registry sends nothing for ${ms} ms`, true);
}

function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const asked = new URL(url);
  for (const [name, value] of Object.entries(query)) if (value !== '') asked.searchParams.set(name, value);
  return asked;
}

/** Where a registry is: as the operator says, and otherwise in secret unless it is on this machine. */
function baseOf(registry: string, home: URL): URL {
  if (registry === defaultRegistry || registry === home.host) return home;
  const host = registry.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return new URL(`${isLoopback(host) ? 'http' : 'https'}://${registry}`);
}

async function textOf(stream: Readable, bytesMax: number): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > bytesMax) throw new RegistryError('its description is too long', false);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Where images are from by default, as the operator says it: a registry by its URL, or the path of a folder with archives. */
export function registryHome(text: string): URL | string {
  return isAbsolute(text) ? text : new URL(text);
}

/** What is wrong with that. */
export function registryHomeRefusal(text: string): Failure | undefined {
  if (isAbsolute(text) || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))) return undefined;
  return failure('invalid', `'${text}' must be an URL of http or https, or an absolute path`);
}
