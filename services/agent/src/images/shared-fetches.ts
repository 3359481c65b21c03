import { failure } from '@meseta/model';
import { FailureError, type Timers } from '@meseta/kit';
import type { FetchListener } from '../runtime/container-runtime';

/** How often a fetch is tried in all: a registry that does not answer now often does in a moment. */
export const fetchesMax = 3;
/** How long is waited before the second fetch; twice as long before the third. */
export const fetchAgainMs = 1_000;

/** Who waits for a fetch. */
export interface Waiter {
  readonly listener?: FetchListener | undefined;
  /** Whoever wants it has given up. */
  readonly signal?: AbortSignal | undefined;
}

/** What a fetch is given. */
export interface FetchContext {
  /** Tells all who wait how far it has come. */
  readonly progress: (words: () => string) => void;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
}

interface Fetch<T> {
  readonly done: Promise<T>;
  readonly listeners: Set<FetchListener>;
  readonly abort: AbortController;
}

/** Fetches that many ask for at once: one for each key, tried again where that may help, and ended when nobody wants it any more. */
export class SharedFetches<T> {
  private readonly fetches = new Map<string, Fetch<T>>();

  /** @param mayPass whether a failed fetch may succeed in a moment */
  constructor(
    private readonly timers: Timers,
    private readonly mayPass: (error: unknown) => boolean,
  ) {}

  /** Rejects with what the last try rejected with, or with a FailureError when who asked has given up. */
  async want(
    key: string,
    fetch: (context: FetchContext) => Promise<T>,
    { listener, signal }: Waiter,
  ): Promise<T> {
    const shared = this.fetches.get(key) ?? this.begin(key, fetch);
    const own = { ...listener };
    shared.listeners.add(own);
    try {
      return await Promise.race([shared.done, givenUp(signal)]);
    } finally {
      shared.listeners.delete(own);
      if (shared.listeners.size === 0) shared.abort.abort();
    }
  }

  private begin(key: string, fetch: (context: FetchContext) => Promise<T>): Fetch<T> {
    const listeners = new Set<FetchListener>();
    const abort = new AbortController();
    const done = this.tried(fetch, listeners, abort.signal).finally(() => {
      if (this.fetches.get(key) === shared) this.fetches.delete(key);
    });
    // Nobody may be waiting for it any more.
    done.catch(() => undefined);
    const shared = { done, listeners, abort };
    this.fetches.set(key, shared);
    abort.signal.addEventListener('abort', () => {
      if (this.fetches.get(key) === shared) this.fetches.delete(key);
    });
    return shared;
  }

  private async tried(
    fetch: (context: FetchContext) => Promise<T>,
    listeners: ReadonlySet<FetchListener>,
    signal: AbortSignal,
  ): Promise<T> {
    const progress: FetchContext['progress'] = (words) => {
      for (const one of listeners) one.progress?.(words);
    };
    for (let attempt = 1; ; attempt++) {
      try {
        return await fetch({ progress, signal });
      } catch (error) {
        if (attempt === fetchesMax || signal.aborted || !this.mayPass(error)) throw error;
        const delayMs = fetchAgainMs * 2 ** (attempt - 1);
        for (const { retried } of listeners) retried?.({ attempt: attempt + 1, delayMs, error });
        await new Promise<void>((resolve) => this.timers.after(delayMs, resolve));
      }
    }
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
