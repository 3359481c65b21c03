import { failureOf } from './service-error';

/** What a `LeaderFinder` is made of. */
export interface LeaderFinderOptions {
  /** The masters that are known beforehand, as host:port; at least one. */
  readonly addresses: readonly string[];
  /** A number in [0, 1), for jitter: injected so that tests are deterministic. */
  readonly random: () => number;
  readonly backoffMinMs?: number;
  readonly backoffMaxMs?: number;
}

/**
 * Answers the question that agents, frameworks and tools share: which master do I talk to now?
 *
 * It holds no connection and no timer. Its user tries `current()`, reports how that went, and waits as long as
 * `failed` says. Masters that name each other in turn are not followed for ever: after as many hops as there are
 * addresses, and one, the wait grows as if nobody had been named.
 */
export class LeaderFinder {
  readonly #addresses: readonly string[];
  readonly #random: () => number;
  readonly #backoffMinMs: number;
  readonly #backoffMaxMs: number;
  #index = 0;
  #named: string | undefined;
  #failures = 0;
  #hops = 0;

  constructor(options: LeaderFinderOptions) {
    if (options.addresses.length === 0) throw new Error('a LeaderFinder needs at least one address');
    this.#addresses = options.addresses;
    this.#random = options.random;
    this.#backoffMinMs = options.backoffMinMs ?? 50;
    this.#backoffMaxMs = options.backoffMaxMs ?? 5000;
  }

  /** The address to try now. */
  current(): string {
    return this.#named ?? this.#addresses[this.#index % this.#addresses.length] ?? '';
  }

  /** Somebody who knows said who leads. */
  leaderIs(address: string): void {
    this.#named = address;
  }

  /** The current address did not serve. Returns how many milliseconds to wait before `current()`, now another, is tried. */
  failed(error: unknown): number {
    const leader = failureOf(error).detail?.leader;
    if (leader !== undefined && leader !== this.current() && this.#hops <= this.#addresses.length) {
      this.#hops += 1;
      this.#named = leader;
      return 0;
    }
    // A named leader that fails may have died: start over at the addresses that were given.
    if (this.#named === undefined) this.#index += 1;
    this.#named = undefined;
    this.#hops = 0;
    const rounds = Math.floor(this.#failures / this.#addresses.length);
    this.#failures += 1;
    const limitMs = Math.min(this.#backoffMaxMs, this.#backoffMinMs * 2 ** Math.min(rounds, 30));
    return Math.round(limitMs / 2 + (this.#random() * limitMs) / 2);
  }

  /** The current address serves: the next failure starts with a short wait again. */
  succeeded(): void {
    this.#failures = 0;
    this.#hops = 0;
  }
}
