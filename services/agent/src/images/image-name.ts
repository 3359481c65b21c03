import { failure, type Failure } from '@meseta/model';

/** The registry that images without one in their name are from; credentials for it go by an address of its own. */
export const defaultRegistry = 'docker.io';

/**
 * The registry of an image, as Docker reads names: what stands before the first slash, if it looks like the name of a machine.
 *
 * @see https://docs.docker.com/reference/cli/docker/image/tag/
 */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : defaultRegistry;
}

/** With a tag: without one the daemon would fetch all that there are. */
export function taggedName(image: string): string {
  return /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
}

/** Where an image is. */
export interface ImageReference {
  /** host:port, or {@link defaultRegistry}. */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest of the form sha256:hex. */
  readonly reference: string;
}

/**
 * Reads the name of an image; a digest counts more than a tag.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests for what names may be
 */
export function parseImageName(image: string): ImageReference | Failure {
  const refuse = (rule: string): Failure =>
    failure('invalid', `image '${image}' ${rule}`, { field: 'container.mesos.image' });
  const registry = registryOf(image);
  const path = image.startsWith(`${registry}/`) ? image.slice(registry.length + 1) : image;
  const [, name = '', tag, digest] = /^(.*?)(?::([^:@/]*))?(?:@(.*))?$/.exec(path) ?? [];
  if (!/^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/.test(name))
    return refuse('must have a name of lower case letters, digits, separators and slashes');
  if (tag !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(tag))
    return refuse('must have a tag of letters, digits, dots and dashes');
  if (digest !== undefined && !isDigest(digest)) return refuse('must have a digest of the form sha256:<hex>');
  const repository = registry === defaultRegistry && !name.includes('/') ? `library/${name}` : name;
  return { registry, repository, reference: digest ?? tag ?? 'latest' };
}

/** Whether a text names content by its SHA-256. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && /^sha256:[0-9a-f]{64}$/.test(text);
}
