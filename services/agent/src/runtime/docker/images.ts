import type Docker from 'dockerode';
import type { Retry, Timers } from '@meseta/kit';
import { isGone, launchError, statusCodeOf } from './errors';

/** How often a fetch is tried in all: a registry that does not answer now often does in a moment. */
export const fetchesMax = 3;
/** How long is waited before the second fetch; twice as long before the third. */
export const fetchAgainMs = 1_000;

type Retried = (retry: Retry) => void;

/** Under way: what it comes to, and who wants to know of retries. */
interface Fetching {
  readonly done: Promise<void>;
  readonly listeners: Retried[];
}

/**
 * Makes sure that the daemon has an image, and fetches it if it has not.
 *
 * Fetches of one image that many tasks ask for at once are one.
 */
export class Images {
  private readonly fetching = new Map<string, Fetching>();

  constructor(
    private readonly docker: Docker,
    private readonly timers: Timers,
  ) {}

  async ensure(image: string, always: boolean, retried: Retried = () => undefined): Promise<void> {
    if (!always && (await this.has(image))) return;
    const under = this.fetching.get(image);
    if (under !== undefined) {
      under.listeners.push(retried);
      return under.done;
    }
    const listeners = [retried];
    const done = this.fetch(image, listeners).finally(() => this.fetching.delete(image));
    this.fetching.set(image, { done, listeners });
    await done;
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

  private async fetch(image: string, listeners: readonly Retried[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.fetchOnce(image);
      } catch (error) {
        if (attempt === fetchesMax || !mayPass(error))
          throw launchError(`cannot pull image '${image}'`, error);
        const delayMs = fetchAgainMs * 2 ** (attempt - 1);
        for (const retried of listeners) retried({ attempt: attempt + 1, delayMs, error });
        await new Promise<void>((resolve) => this.timers.after(delayMs, resolve));
      }
    }
  }

  private async fetchOnce(image: string): Promise<void> {
    // Without a tag the daemon would fetch all that there are.
    const stream = await this.docker.pull(/[:@][^/]*$/.test(image) ? image : `${image}:latest`);
    await new Promise<void>((resolve, reject) => {
      this.docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
    });
  }
}

/** A refusal stays one: an image that is not there, or not for us. All else may be better in a moment. */
function mayPass(error: unknown): boolean {
  const code = statusCodeOf(error);
  if (code !== undefined && code < 500) return false;
  return !/not found|manifest unknown|denied|unauthorized|invalid reference/i.test(String(error));
}
