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
