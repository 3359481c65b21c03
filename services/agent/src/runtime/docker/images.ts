import type Docker from 'dockerode';
import { failure } from '@meseta/model';
import { FailureError, type Timers } from '@meseta/kit';
import type { FetchListener } from '../container-runtime';
import { isGone, launchError, statusCodeOf } from './errors';
import { taggedName } from './image-name';
import { PullProgress, type PullEvent } from './pull-progress';
import type { RegistryAuth } from './registry-auth';

/** How often a fetch is tried in all: a registry that does not answer now often does in a moment. */
export const fetchesMax = 3;
/** How long is waited before the second fetch; twice as long before the third. */
export const fetchAgainMs = 1_000;

/** How an image is wanted. */
export interface ImageWish {
  /** Fetch it even if it is there. */
  readonly always?: boolean;
  /** Who to be to its registry; unset is nobody. */
  readonly auth?: RegistryAuth | undefined;
  readonly listener?: FetchListener | undefined;
  /** Whoever wants it has given up. */
  readonly signal?: AbortSignal | undefined;
}

/** Under way: what it comes to, who wants it, and how to end it when nobody does any more. */
interface Pull {
  readonly done: Promise<void>;
  readonly listeners: Set<FetchListener>;
  readonly abort: AbortController;
}

/**
 * Makes sure that the daemon has an image, and fetches it if it has not.
 *
 * Fetches of one image that many tasks ask for at once are one, unless their credentials differ.
 */
export class Images {
  private readonly pulls = new Map<string, Pull>();

  constructor(
    private readonly docker: Docker,
    private readonly timers: Timers,
  ) {}

  /** @returns whether it was fetched; rejects with a FailureError, also when all who want it have given up */
  async ensure(image: string, wish: ImageWish = {}): Promise<boolean> {
    if (wish.always !== true && (await this.has(image))) return false;
    const key = JSON.stringify([image, wish.auth]);
    const pull = this.pulls.get(key) ?? this.begin(key, image, wish.auth);
    const listener = { ...wish.listener };
    pull.listeners.add(listener);
    try {
      await Promise.race([pull.done, givenUp(wish.signal)]);
    } finally {
      pull.listeners.delete(listener);
      if (pull.listeners.size === 0) pull.abort.abort();
    }
    return true;
  }

  private begin(key: string, image: string, auth: RegistryAuth | undefined): Pull {
    const listeners = new Set<FetchListener>();
    const abort = new AbortController();
    const done = this.fetch(image, auth, listeners, abort.signal).finally(() => this.pulls.delete(key));
    // Nobody may be waiting for it any more.
    done.catch(() => undefined);
    const pull = { done, listeners, abort };
    this.pulls.set(key, pull);
    abort.signal.addEventListener('abort', () => {
      if (this.pulls.get(key) === pull) this.pulls.delete(key);
    });
    return pull;
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
    listeners: ReadonlySet<FetchListener>,
    signal: AbortSignal,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.fetchOnce(image, auth, listeners, signal);
      } catch (error) {
        if (attempt === fetchesMax || signal.aborted || !mayPass(error))
          throw launchError(`cannot pull image '${image}'`, error);
        const delayMs = fetchAgainMs * 2 ** (attempt - 1);
        for (const { retried } of listeners) retried?.({ attempt: attempt + 1, delayMs, error });
        await new Promise<void>((resolve) => this.timers.after(delayMs, resolve));
      }
    }
  }

  private async fetchOnce(
    image: string,
    auth: RegistryAuth | undefined,
    listeners: ReadonlySet<FetchListener>,
    signal: AbortSignal,
  ): Promise<void> {
    const options = { ...(auth !== undefined && { authconfig: auth }), abortSignal: signal };
    const stream = await this.docker.pull(taggedName(image), options);
    const progress = new PullProgress();
    await new Promise<void>((resolve, reject) => {
      this.docker.modem.followProgress(
        stream,
        (error) => (error === null ? resolve() : reject(error)),
        (event: PullEvent) => {
          // What goes wrong once the answer has begun is told in it.
          if (event.error !== undefined) reject(new Error(event.error));
          if (!progress.take(event)) return;
          for (const one of listeners) one.progress?.(() => `pulling image ${image}: ${progress.words()}`);
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

/** Rejects when whoever waits has given up; never resolves. */
function givenUp(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = (): void =>
      reject(new FailureError(failure('conflict', 'the task is not wanted any more')));
    if (signal?.aborted === true) giveUp();
    else signal?.addEventListener('abort', giveUp, { once: true });
  });
}

/** A refusal stays one: an image that is not there, or not for us. All else may be better in a moment. */
function mayPass(error: unknown): boolean {
  const code = statusCodeOf(error);
  if (code !== undefined && code < 500) return false;
  return !/not found|manifest unknown|denied|unauthorized|no basic auth|invalid reference/i.test(
    String(error),
  );
}
