import type { Timers } from '@meseta/kit';

/** What a `Reconciler` is made of. */
export interface ReconcilerOptions {
  readonly timers: Timers;
  /** Asks how these tasks stand. */
  readonly ask: (tasks: readonly TaskToAsk[]) => void;
  /** The tasks that have not ended, for the periodic round. */
  readonly open: () => readonly TaskToAsk[];
}

/** A task that is asked after. The agent's name lets the master answer for tasks it does not know. */
export interface TaskToAsk {
  readonly id: string;
  readonly agentId?: string;
}

/** After the first question; doubles up to the last. A new master may not have heard from every agent yet. */
const againMinMs = 1000;
const againMaxMs = 60_000;
/** A round without occasion, against what nobody thought of (Mesos's advice to its frameworks). */
const periodMs = 600_000;

/** Asks how tasks stand until every one was answered, with growing pauses, and every ten minutes. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #unanswered = new Map<string, TaskToAsk>();
  #againMs = againMinMs;
  #cancel: (() => void) | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Asks after these tasks, besides those that are still unanswered, until they are answered. */
  start(tasks: readonly TaskToAsk[]): void {
    for (const task of tasks) this.#unanswered.set(task.id, task);
    this.#againMs = againMinMs;
    this.#ask();
  }

  /** Something was heard of the task: that is an answer, whatever it said. */
  answered(taskId: string): void {
    this.#unanswered.delete(taskId);
  }

  /** Asks no more until `start`. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#unanswered.clear();
  }

  #ask(): void {
    this.#cancel?.();
    if (this.#unanswered.size > 0) this.#options.ask([...this.#unanswered.values()]);
    const idle = this.#unanswered.size === 0;
    this.#cancel = this.#options.timers.after(idle ? periodMs : this.#againMs, () => {
      if (idle) this.#options.open().forEach((task) => this.#unanswered.set(task.id, task));
      this.#againMs = idle ? againMinMs : Math.min(againMaxMs, this.#againMs * 2);
      this.#ask();
    });
  }
}
