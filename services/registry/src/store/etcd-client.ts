import {
  Etcd3,
  EtcdAuthenticationFailedError,
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCFailedPreconditionError,
  GRPCInvalidArgumentError,
  GRPCOutOfRangeError,
  GRPCResourceExhastedError,
  GRPCUnauthenticatedError,
  type IOptions,
} from 'etcd3';
import { failure, type Failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';

/** What an etcd client is made of. */
export interface EtcdClientOptions {
  /** Members, as host:port. */
  readonly addresses: readonly string[];
  /** Told how long each call of a kind took, and whether etcd answered. */
  readonly observe?: (call: string, seconds: number, answered: boolean) => void;
}

/**
 * The first deadline of an attempt. Later ones are longer, so that an etcd that is slow is not asked in vain for ever.
 *
 * Without a deadline of its own a write that was forwarded to a dying etcd leader hangs until the server's own limit,
 * more than five seconds (measured), while the next attempt would have succeeded long before.
 */
export const attemptMs = 300;
const attemptMaxMs = 2000;
/** How long a failed attempt is followed by a pause, so that an etcd that refuses at once is not flooded. */
const pauseMs = 20;
/** From the first attempt to giving up. Longer than an election of etcd's leader takes with its defaults. */
export const budgetMs = 5000;

/**
 * Calls to etcd, each with its own deadline, tried again until a budget is spent.
 *
 * The library's circuit breaker (five seconds of refusal after three failures) and its retries are switched off: they would
 * make an outage of half a second one of five, and a retry has to know what the attempt before may have done.
 */
export class EtcdClient {
  readonly #etcd: Etcd3;
  readonly #addresses: readonly string[];
  readonly #observe: NonNullable<EtcdClientOptions['observe']>;
  #lastError: string | undefined;
  #closed = false;

  constructor(options: EtcdClientOptions) {
    this.#addresses = options.addresses;
    this.#observe = options.observe ?? ((): void => undefined);
    this.#etcd = new Etcd3({
      hosts: options.addresses.map((address) => `http://${address}`),
      faultHandling: { host: () => straight, global: straight },
      grpcOptions: {
        'grpc.max_receive_message_length': -1,
        'grpc.enable_http_proxy': 0,
        'grpc.initial_reconnect_backoff_ms': 50,
        'grpc.max_reconnect_backoff_ms': 500,
        // Etcd refuses clients that ping more often than every five seconds.
        'grpc.keepalive_time_ms': 6000,
        'grpc.keepalive_timeout_ms': 2000,
      },
    });
  }

  get kv(): Etcd3['kv'] {
    return this.#etcd.kv;
  }

  get leases(): Etcd3['leaseClient'] {
    return this.#etcd.leaseClient;
  }

  get watches(): Etcd3['watchClient'] {
    return this.#etcd.watchClient;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** True, or why the last call got no answer. */
  ready(): true | string {
    return this.#lastError === undefined ? true : this.#lastError;
  }

  /**
   * Makes a call, again and again while its outcome is unknown. `attempt` must therefore be fit to be made twice; it is told
   * whether it was made before. Rejects with a `FailureError`: `notLeader` when the budget is spent.
   */
  async call<Result>(
    name: string,
    attempt: (options: { deadline: number }, before: number) => Promise<Result>,
    budget = budgetMs,
  ): Promise<Result> {
    const start = performance.now();
    for (let before = 0; ; before += 1) {
      const left = budget - (performance.now() - start);
      const attemptStart = performance.now();
      try {
        const limitMs = Math.min(attemptMs * 2 ** before, attemptMaxMs, Math.max(left, 1));
        const result = await attempt({ deadline: Date.now() + limitMs }, before);
        this.#lastError = undefined;
        this.#observe(name, secondsSince(attemptStart), true);
        return result;
      } catch (error) {
        const final = answerOf(error);
        this.#observe(name, secondsSince(attemptStart), final !== undefined);
        if (final !== undefined) throw new FailureError(final);
        this.#lastError = `etcd at ${this.#addresses.join(',')} does not answer: ${reasonOf(error)}`;
        if (this.#closed || performance.now() - start + pauseMs >= budget) {
          throw new FailureError(failure('notLeader', this.#lastError));
        }
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  close(): void {
    this.#closed = true;
    this.#etcd.close();
  }
}

/** The policy that does nothing, in place of the library's. */
const straight = {
  execute: async <Result>(
    call: (context: { signal: AbortSignal }) => PromiseLike<Result> | Result,
  ): Promise<Result> => call({ signal: new AbortController().signal }),
  onSuccess: () => ({ dispose: () => undefined }),
  onFailure: () => ({ dispose: () => undefined }),
} as unknown as ReturnType<NonNullable<NonNullable<IOptions['faultHandling']>['host']>>;

/** What an error says for good, or undefined if the call may have been done or may be done later. */
function answerOf(error: unknown): Failure | undefined {
  const reason = reasonOf(error);
  if (error instanceof FailureError) return error.failure;
  if (error instanceof EtcdLeaseInvalidError) return failure('notFound', 'the lease is gone');
  if (error instanceof GRPCResourceExhastedError) {
    return reason.includes('space exceeded') ? failure('overloaded', `etcd is full: ${reason}`) : undefined;
  }
  if (error instanceof GRPCOutOfRangeError) return failure('conflict', reason);
  if (
    error instanceof EtcdPermissionDeniedError ||
    error instanceof EtcdAuthenticationFailedError ||
    error instanceof GRPCUnauthenticatedError
  ) {
    return failure('denied', `etcd refuses the registry: ${reason}`);
  }
  if (error instanceof GRPCInvalidArgumentError || error instanceof GRPCFailedPreconditionError) {
    return failure('bug', `etcd refuses the call: ${reason}`);
  }
  return undefined;
}

/** An error of the library without what it repeats. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/^(\w+Error: )+/, '')
    .replace(/^\d+ [A-Z_]+: /, '')
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/\.? Resolution note:.*$/s, '');
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
