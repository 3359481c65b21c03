import { createHash } from 'node:crypto';
import { failure, type Failure } from '@meseta/model';
import { isDigest } from './image-name';

/** Content of a registry. */
export interface Descriptor {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** What an image is made of. */
export interface Manifest {
  readonly config: Descriptor;
  /** The lowest first. */
  readonly layers: readonly Descriptor[];
}

/** What an image says of how it is run. */
export interface ImageConfig {
  /** As NAME=value. */
  readonly environment: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** Where it begins; unset where the image does not say. */
  readonly workingDirectory?: string;
}

/** A configuration as it lies in a registry. */
export interface ImageDescription {
  readonly config: ImageConfig;
  /** The digests of the layers as they are unpacked, the lowest first. */
  readonly diffIds: readonly string[];
}

/** What a registry is asked for, and may answer with. */
export const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

/** An image may have no more; Docker builds none with more. */
const layersMax = 127;

/** The digest of some content. */
export function digestOf(content: string | Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/**
 * Reads a manifest, or a list of them for several kinds of machines.
 *
 * @returns of a list the one for this machine
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md
 */
export function parseManifest(text: string, architecture: string): Manifest | Descriptor | Failure {
  const body = objectOf(text);
  if (body === undefined) return refuse('is not JSON');
  if (Array.isArray(body['manifests'])) return pick(body['manifests'], architecture);
  if (body['schemaVersion'] !== 2) return refuse('must be of schema version 2');
  const config = descriptorOf(body['config']);
  const given: unknown[] = Array.isArray(body['layers']) ? body['layers'] : [];
  const layers = given.flatMap((layer) => descriptorOf(layer) ?? []);
  if (config === undefined || layers.length !== given.length)
    return refuse('must name its configuration and layers by size and SHA-256');
  if (layers.length === 0 || layers.length > layersMax) return refuse(`must have 1 to ${layersMax} layers`);
  return { config, layers };
}

function pick(manifests: readonly unknown[], architecture: string): Descriptor | Failure {
  for (const one of manifests) {
    const { os, architecture: made } = recordOf(recordOf(one)['platform']);
    const descriptor = descriptorOf(one);
    if (os === 'linux' && made === architecture && descriptor !== undefined) return descriptor;
  }
  return refuse(`has nothing for linux/${architecture}`);
}

/** @see https://github.com/opencontainers/image-spec/blob/main/config.md */
export function parseDescription(text: string): ImageDescription | Failure {
  const body = objectOf(text);
  const diffIds = recordOf(body?.['rootfs'])['diff_ids'];
  if (body === undefined || !Array.isArray(diffIds) || !diffIds.every(isDigest))
    return refuse('must have a configuration that names its layers (rootfs.diff_ids)');
  const config = recordOf(body['config']);
  const { WorkingDir: directory } = config;
  return {
    diffIds,
    config: {
      environment: textsOf(config['Env']),
      entrypoint: textsOf(config['Entrypoint']),
      command: textsOf(config['Cmd']),
      ...(typeof directory === 'string' && directory.startsWith('/') && { workingDirectory: directory }),
    },
  };
}

/** GOARCH of this machine, as images name it. */
export function architectureOf(arch: string = process.arch): string {
  return { x64: 'amd64', ia32: '386' }[arch] ?? arch;
}

function refuse(what: string): Failure {
  return failure('invalid', `its description ${what}`);
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

function descriptorOf(value: unknown): Descriptor | undefined {
  const { digest, size } = recordOf(value);
  if (!isDigest(digest) || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    return undefined;
  return { digest, size };
}
