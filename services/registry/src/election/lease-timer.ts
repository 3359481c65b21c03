import type { Timers } from '@meseta/kit';

/** A renewal that was asked for and not answered yet. */
export interface Asked {
  /** The store granted it. False if its time is over already. */
  granted(): boolean;
  /** The store did not grant it, or did not answer. */
  refused(): void;
}

/**
 * Says when a lease is over, without the store: a lease counts from when it was last asked for and granted, so that this side
 * never believes in it longer than the store does.
 */
export class LeaseTimer {
  readonly #timers: Timers;
  readonly #expired: () => void;
  #cancel: (() => void) | undefined;

  constructor(timers: Timers, expired: () => void) {
    this.#timers = timers;
    this.#expired = expired;
  }

  /** Begins to count; call it before the store is asked. */
  ask(ttlMs: number): Asked {
    let over = false;
    const cancel = this.#timers.after(ttlMs, () => {
      over = true;
      if (this.#cancel === cancel) this.#expired();
    });
    return {
      granted: () => {
        if (over) return false;
        this.#cancel?.();
        this.#cancel = cancel;
        return true;
      },
      refused: cancel,
    };
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
