import type Docker from 'dockerode';
import { isGone, launchError } from './errors';

/**
 * Makes sure that the daemon has an image, and fetches it if it has not.
 *
 * Fetches of one image that many tasks ask for at once are one.
 */
export class Images {
  private readonly fetching = new Map<string, Promise<void>>();

  constructor(private readonly docker: Docker) {}

  async ensure(image: string, always: boolean): Promise<void> {
    if (!always && (await this.has(image))) return;
    const under = this.fetching.get(image);
    if (under !== undefined) return under;
    const fetch = this.fetch(image).finally(() => this.fetching.delete(image));
    this.fetching.set(image, fetch);
    await fetch;
  }

  private async has(image: string): Promise<boolean> {
    try {
      await this.docker.getImage(image).inspect();
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw launchError(`cannot look for image '${image}'`, error);
    }
  }

  private async fetch(image: string): Promise<void> {
    try {
      // Without a tag the daemon would fetch all that there are.
      const stream = await this.docker.pull(/[:@][^/]*$/.test(image) ? image : `${image}:latest`);
      await new Promise<void>((resolve, reject) => {
        this.docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
      });
    } catch (error) {
      throw launchError(`cannot pull image '${image}'`, error);
    }
  }
}
