import type Docker from 'dockerode';
import type { Timers } from '@meseta/kit';
import { taggedName } from '../../images/image-name';
import type { RegistryAuth } from '../../images/registry-auth';
import { SharedFetches, type FetchContext, type Waiter } from '../../images/shared-fetches';
import { isGone, launchError, statusCodeOf } from './errors';
import { PullProgress, type PullEvent } from './pull-progress';

/** How an image is wanted. */
export interface ImageWish extends Waiter {
  /** Fetch it even if it is there. */
  readonly always?: boolean;
  /** Who to be to its registry; unset is nobody. */
  readonly auth?: RegistryAuth | undefined;
}

/**
 * Makes sure that the daemon has an image, and fetches it if it has not.
 *
 * Fetches of one image that many tasks ask for at once are one, unless their credentials differ.
 */
export class Images {
  private readonly pulls: SharedFetches<void>;

  constructor(
    private readonly docker: Docker,
    timers: Timers,
  ) {
    this.pulls = new SharedFetches(timers, mayPass);
  }

  /** @returns whether it was fetched; rejects with a FailureError, also when all who want it have given up */
  async ensure(image: string, wish: ImageWish = {}): Promise<boolean> {
    const { always, auth } = wish;
    if (always !== true && (await this.has(image))) return false;
    try {
      const key = JSON.stringify([image, auth]);
      await this.pulls.want(key, (context) => this.fetch(image, auth, context), wish);
      return true;
    } catch (error) {
      throw launchError(`cannot pull image '${image}'`, error);
    }
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

  private async fetch(
    image: string,
    auth: RegistryAuth | undefined,
    { progress, signal }: FetchContext,
  ): Promise<void> {
    const options = { ...(auth !== undefined && { authconfig: auth }), abortSignal: signal };
    const stream = await this.docker.pull(taggedName(image), options);
    const pulled = new PullProgress();
    await new Promise<void>((resolve, reject) => {
      this.docker.modem.followProgress(
        stream,
        (error) => (error === null ? resolve() : reject(error)),
        (event: PullEvent) => {
          // What goes wrong once the answer has begun is told in it.
          if (event.error !== undefined) reject(new Error(event.error));
          if (pulled.take(event)) progress(() => `pulling image ${image}: ${pulled.words()}`);
        },
      );
      // The daemon stops pulling when nobody listens any more.
      signal.addEventListener('abort', () => {
        reject(new Error('nobody wants it any more'));
        (stream as Partial<{ destroy(): void }>).destroy?.();
      });
    });
  }
}

/** A refusal stays one: an image that is not there, or not for us. All else may be better in a moment. */
function mayPass(error: unknown): boolean {
  const code = statusCodeOf(error);
  if (code !== undefined && code < 500) return false;
  return !/not found|manifest unknown|denied|unauthorized|no basic auth|invalid reference/i.test(
    String(error),
  );
}
