import { FailureError } from '@meseta/kit';
import { failure, isTerminal, type TaskState } from '@meseta/model';
import type { TaskInfo } from '@meseta/protocol';
import { AsyncQueue, dropOldest } from './async-queue';
import type { Duration } from './framework-options';
import type { TaskUpdate } from './task-update';

/** What a task handle can ask of its scheduler. */
export interface TaskPort {
  kill(task: Task, grace: Duration | undefined): Promise<void>;
}

/** What is known of a task when its handle is made. */
export interface TaskOrigin {
  readonly id: string;
  readonly name: string;
  readonly agentId?: string;
  readonly hostname?: string;
  /** The message it was launched with; unset for a task of an earlier run of the framework. */
  readonly info?: TaskInfo;
}

/** Updates that may wait for one `for await` loop; at the bound the oldest makes room for the newest. */
const updatesWaitingMax = 1000;
/** One update is under way per task until it is acknowledged, so a repeat is always among the latest few. */
const uuidsKept = 8;

/** A task, followed from its launch to its end. */
export class Task {
  readonly id: string;
  readonly name: string;
  /** Where it runs, once known. */
  readonly agentId: string | undefined;
  readonly hostname: string | undefined;
  readonly info: TaskInfo | undefined;
  readonly #port: TaskPort;
  readonly #queues = new Set<AsyncQueue<TaskUpdate>>();
  readonly #uuids: string[] = [];
  #waiting: {
    until: 'running' | 'finished';
    resolve: (task: Task) => void;
    reject: (error: Error) => void;
  }[] = [];
  #state: TaskState = 'TASK_STAGING';
  #ran = false;
  #last: TaskUpdate | undefined;
  #lost: Error | undefined;

  /** Tasks are made by `Offer.launch` and by the scheduler when it hears of one. */
  constructor(origin: TaskOrigin, port: TaskPort) {
    this.id = origin.id;
    this.name = origin.name;
    this.agentId = origin.agentId;
    this.hostname = origin.hostname;
    this.info = origin.info;
    this.#port = port;
  }

  /** Where it stands, as last heard. */
  get state(): TaskState {
    return this.#state;
  }

  /** Whether it has ended for good. */
  get ended(): boolean {
    return isTerminal(this.#state);
  }

  /** The last update, with its message and reason. */
  get last(): TaskUpdate | undefined {
    return this.#last;
  }

  /** Resolves when it has run; rejects if it ended without. */
  running(): Promise<this> {
    return this.#until('running');
  }

  /** Resolves when it has ended, however: look at `state`. Rejects only if the scheduler stops before. */
  finished(): Promise<this> {
    return this.#until('finished');
  }

  /** Its updates from now on, to its end. Leave the loop when you have seen enough. */
  updates(): AsyncIterableIterator<TaskUpdate> {
    const queue: AsyncQueue<TaskUpdate> = new AsyncQueue({
      itemsMax: updatesWaitingMax,
      onFull: dropOldest,
      onReturn: () => this.#queues.delete(queue),
    });
    if (this.#lost !== undefined || this.ended) queue.end(this.#lost);
    else this.#queues.add(queue);
    return queue;
  }

  /** Asks for it to be killed; how it ended is told by `finished`. Repeated after a reconnection until it has ended. */
  kill(grace?: Duration): Promise<void> {
    return this.#port.kill(this, grace);
  }

  /** Whether an update with this uuid was applied before: it is acknowledged again, but not shown again. */
  saw(uuid: string): boolean {
    return this.#uuids.includes(uuid);
  }

  /** Applies an update. A task that has ended never changes again, whatever a late answer says. */
  apply(update: TaskUpdate, uuid: string | undefined): void {
    if (uuid !== undefined) {
      this.#uuids.push(uuid);
      if (this.#uuids.length > uuidsKept) this.#uuids.shift();
    }
    if (this.ended) return;
    this.#state = update.state;
    this.#last = update;
    this.#ran ||=
      update.state === 'TASK_RUNNING' || update.state === 'TASK_KILLING' || update.state === 'TASK_FINISHED';
    for (const queue of this.#queues) queue.push(update);
    if (this.ended) for (const queue of this.#queues) queue.end();
    this.#settle();
  }

  /** The scheduler stops: nothing more will be heard. */
  lose(error: Error): void {
    if (this.#lost !== undefined || this.ended) return;
    this.#lost = error;
    for (const queue of this.#queues) queue.end(error);
    this.#settle();
  }

  #until(until: 'running' | 'finished'): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ until, resolve: () => resolve(this), reject });
      this.#settle();
    });
  }

  #settle(): void {
    this.#waiting = this.#waiting.filter(({ until, resolve, reject }) => {
      if (until === 'finished' ? this.ended : this.#ran) resolve(this);
      else if (until === 'running' && this.ended)
        reject(new FailureError(failure('conflict', this.#endedEarly())));
      else if (this.#lost !== undefined) reject(this.#lost);
      else return true;
      return false;
    });
  }

  #endedEarly(): string {
    const why = this.#last?.message ?? '';
    return `task ${this.id} ended as ${this.#state} before it ran${why === '' ? '' : `: ${why}`}`;
  }
}
