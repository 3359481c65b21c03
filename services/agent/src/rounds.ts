import type { Timers } from '@meseta/kit';

export interface RoundsOptions {
  /** The pause between the end of one round and the next. Milliseconds. */
  readonly intervalMs: number;
  readonly goRound: () => Promise<void>;
  /** A round failed; the next comes all the same. */
  readonly onError: (error: unknown) => void;
  readonly timers: Timers;
}

/** Does something again and again, never twice at once. */
export class Rounds {
  private cancel: () => void = () => undefined;
  private closed = false;
  private going: Promise<void> = Promise.resolve();

  constructor(private readonly options: RoundsOptions) {}

  start(): void {
    if (this.closed) return;
    const { intervalMs, goRound, onError, timers } = this.options;
    this.cancel = timers.after(intervalMs, () => {
      this.going = goRound()
        .catch(onError)
        .finally(() => this.start());
    });
  }

  /** Resolves when the round that is under way has ended. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancel();
    await this.going;
  }
}
