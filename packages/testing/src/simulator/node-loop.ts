import type { Instant } from '@meseta/model';
import type { Cancel, Time } from './agenda';
import type { Random } from './random';

/** What a loop does with what has arrived. */
export interface LoopBody<Command> {
  /** Steps all of it; what it returns must be durable before `release`. */
  turn(commands: readonly Command[], now: Instant): void;
  /** Makes the turn durable, then calls back; or never, if the process has ended by then. */
  commit(done: () => void): void;
  release(): void;
  nextDeadline(): Instant | undefined;
}

/**
 * The loop of a service on virtual time: gathers what arrives, steps it in one turn, waits until that is durable, and only then lets its
 * effects out. While a turn waits, the next one's commands gather. The services' own loops do the same with promises.
 */
export class NodeLoop<Command> {
  #arrived: Command[] = [];
  #turning = false;
  #planned = false;
  #stopped = false;
  #tickAt: number | undefined;
  #cancelTick: Cancel | undefined;

  constructor(
    private readonly agenda: Time,
    private readonly random: Random,
    private readonly clock: () => Instant,
    private readonly body: LoopBody<Command>,
    private readonly turnDelayMaxMs: number,
  ) {}

  get queued(): number {
    return this.#arrived.length;
  }

  push(command: Command): void {
    if (this.#stopped) return;
    this.#arrived.push(command);
    this.#plan();
  }

  /** Plans the first turn: deadlines may be due. */
  start(): void {
    this.#plan();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
  }

  #plan(): void {
    if (this.#planned || this.#turning || this.#stopped) return;
    this.#planned = true;
    this.agenda.after(this.random.skewed(0, this.turnDelayMaxMs), () => {
      this.#planned = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#stopped || this.#turning) return;
    this.#turning = true;
    const commands = this.#arrived;
    this.#arrived = [];
    this.body.turn(commands, this.clock());
    this.body.commit(() => {
      if (this.#stopped) return;
      this.body.release();
      this.#turning = false;
      if (this.#stopped) return;
      this.#planTick();
      if (this.#arrived.length > 0) this.#plan();
    });
  }

  #planTick(): void {
    const at = this.body.nextDeadline();
    if (at === this.#tickAt && at !== undefined) return;
    this.#cancelTick?.();
    this.#tickAt = at;
    if (at === undefined) return;
    this.#cancelTick = this.agenda.after(Math.max(1, at - this.clock()), () => {
      this.#tickAt = undefined;
      this.#plan();
    });
  }
}
