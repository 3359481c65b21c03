import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';

/** Who may wait for a turn; more are refused, since they would wait for minutes. */
const waitingMax = 100;

/** Lets so many through in any stretch of time; who comes too early waits. */
export class Pace {
  /** When the newest turns were, or will be; as many as fit into one stretch. */
  private readonly turns: number[] = [];
  private waiting = 0;

  constructor(
    private readonly most: number,
    private readonly stretchMs: number,
    private readonly nowMs: () => number = Date.now,
    private readonly pause: (ms: number) => Promise<void> = (ms) =>
      new Promise((resolve) => setTimeout(resolve, ms)),
  ) {}

  /** Resolves when it is the caller's turn; rejects with `overloaded` where too many wait. */
  async turn(): Promise<void> {
    if (this.waiting >= waitingMax)
      throw new FailureError(failure('overloaded', `more than ${waitingMax} callers wait for their turn`));
    const now = this.nowMs();
    const first = this.turns.length < this.most ? undefined : this.turns.shift();
    const atMs = Math.max(now, (first ?? -Infinity) + this.stretchMs);
    this.turns.push(atMs);
    if (atMs <= now) return;
    this.waiting++;
    await this.pause(atMs - now);
    this.waiting--;
  }
}
