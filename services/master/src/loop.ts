import { performance } from 'node:perf_hooks';
import type { Clock, Timers } from '@meseta/kit';
import type { internal } from '@meseta/protocol';
import type { MasterMetrics } from './metrics';
import type { Command } from './state/command';
import type { Effect } from './state/effect';
import type { MasterState, MasterView } from './state/state';
import { nextDeadline, step } from './state/step';

/** Commands that may wait for a turn. At the bound a call is refused as overloaded, and an agent's session is ended. */
export const commandsQueuedMax = 200_000;
/** Commands that one turn takes, so that no turn blocks the process for long. */
const commandsPerTurnMax = 5_000;

/** The world, as the loop needs it. Production wires it to the registry and gRPC; tests wire it to arrays. */
export interface World {
  /** Resolves once every operation is durable; rejects if this master is no longer the leader, or may not be. */
  commit(operations: readonly internal.RegistryOperation[]): Promise<void>;
  /** Starts an effect and returns. How it went comes back as a command. */
  perform(effect: Effect): void;
  /** A commit failed: the term is over. */
  endTerm(reason: string): void;
}

/**
 * One term of leadership: takes all that has arrived, steps it, commits once, and only then lets the other effects out.
 *
 * A commit that fails ends the term: this state is dropped and, if the master is elected again, rebuilt from the
 * registry. There is no rollback to write.
 */
export class Loop {
  readonly #state: MasterState;
  readonly #world: World;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #metrics: MasterMetrics;
  #arrived: Command[] = [];
  #queries: (() => void)[] = [];
  #planned = false;
  #turning = false;
  #stopped = false;
  #cancelTick: (() => void) | undefined;
  #tickAt: number | undefined;

  constructor(
    state: MasterState,
    world: World,
    deps: { clock: Clock; timers: Timers; metrics: MasterMetrics },
  ) {
    this.#state = state;
    this.#world = world;
    this.#clock = deps.clock;
    this.#timers = deps.timers;
    this.#metrics = deps.metrics;
  }

  /** Lets the effects of the recovery out, then begins to turn. */
  async start(effects: readonly Effect[]): Promise<void> {
    this.#turning = true;
    await this.#release(effects);
    this.#turning = false;
    this.#planTick();
    this.#plan();
  }

  /** Hands a command in; false when the queue is full or the term is over. */
  submit(command: Command): boolean {
    if (this.#stopped) return false;
    if (this.#arrived.length >= commandsQueuedMax) {
      this.#metrics.queues.refused('commands');
      return false;
    }
    this.#arrived.push(command);
    this.#plan();
    return true;
  }

  /** Reads the state at a moment when all of it is durable. Undefined when the term is over. */
  query<T>(read: (view: MasterView) => T): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return resolve(undefined);
      this.#queries.push(() => {
        try {
          resolve(this.#stopped ? undefined : read(this.#state));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      this.#plan();
    });
  }

  get queued(): number {
    return this.#arrived.length;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
    this.#arrived = [];
    this.#answerQueries();
  }

  #plan(): void {
    if (this.#planned || this.#turning || this.#stopped) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      void this.#turn();
    });
  }

  async #turn(): Promise<void> {
    if (this.#turning || this.#stopped) return;
    this.#turning = true;
    const startedMs = performance.now();
    const now = this.#clock.now();
    const batch =
      this.#arrived.length <= commandsPerTurnMax ? this.#arrived : this.#arrived.slice(0, commandsPerTurnMax);
    this.#arrived = batch === this.#arrived ? [] : this.#arrived.slice(commandsPerTurnMax);
    const effects: Effect[] = [];
    for (const command of batch) for (const effect of step(this.#state, command, now)) effects.push(effect);
    const due = nextDeadline(this.#state);
    if (due !== undefined && due <= now)
      for (const effect of step(this.#state, { kind: 'tick' }, now)) effects.push(effect);
    this.#metrics.turnSeconds.observe((performance.now() - startedMs) / 1000);
    await this.#release(effects);
    this.#turning = false;
    if (this.#stopped) return;
    this.#answerQueries();
    this.#planTick();
    if (this.#arrived.length > 0) this.#plan();
  }

  /** Commits, then performs. */
  async #release(effects: readonly Effect[]): Promise<void> {
    const operations: internal.RegistryOperation[] = [];
    for (const effect of effects) if (effect.kind === 'commit') operations.push(effect.operation);
    if (operations.length > 0) {
      const stop = this.#metrics.commitSeconds.startTimer();
      try {
        await this.#world.commit(operations);
      } catch (error) {
        this.#metrics.commitFailures.inc();
        this.#world.endTerm(error instanceof Error ? error.message : String(error));
        return;
      } finally {
        stop();
      }
    }
    if (this.#stopped) return;
    for (const effect of effects) if (effect.kind !== 'commit') this.#world.perform(effect);
  }

  #answerQueries(): void {
    const queries = this.#queries;
    this.#queries = [];
    for (const answer of queries) answer();
  }

  #planTick(): void {
    const at = nextDeadline(this.#state);
    if (at === this.#tickAt) return;
    this.#cancelTick?.();
    this.#tickAt = at;
    if (at === undefined) return;
    this.#cancelTick = this.#timers.after(Math.max(1, at - this.#clock.now()), () => {
      this.#tickAt = undefined;
      this.#plan();
    });
  }
}
