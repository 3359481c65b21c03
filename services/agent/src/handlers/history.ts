import type { FrameworkId } from '@meseta/model';
import type { ExecutorInfo, FrameworkInfo, Task } from '@meseta/protocol';

/** How much of what has ended is remembered (G15). */
export interface HistoryBounds {
  readonly frameworks: number;
  /** Of one framework. */
  readonly executors: number;
  /** Of one executor. */
  readonly tasks: number;
}

/** As in Mesos; the operator says how many executors. */
export const historyBounds = { frameworks: 50, tasks: 200 } as const;

interface ExecutorHistory {
  /** The newest of its tasks that have ended and whose last update was acknowledged. */
  readonly tasks: Task[];
  /** Set once it has ended. */
  info: ExecutorInfo | undefined;
}

interface FrameworkHistory {
  /** By their ids, of which one may come again; those that ended last are last. */
  readonly executors: Map<string, ExecutorHistory>;
  /** Set while nothing of it is left on this agent. */
  info: FrameworkInfo | undefined;
}

/**
 * What has ended on this agent since it was started: the newest frameworks, of each the newest executors, and of each of those the newest tasks.
 *
 * A command is the task of an executor that has its id, as in Mesos. It is for people and not kept on disk; sandboxes stay longer.
 */
export class History {
  private readonly frameworks = new Map<FrameworkId, FrameworkHistory>();

  constructor(private readonly bounds: HistoryBounds) {}

  taskEnded(frameworkId: FrameworkId, executorId: string, task: Task): void {
    const { tasks } = this.executor(frameworkId, executorId);
    tasks.push(task);
    if (tasks.length > this.bounds.tasks) tasks.shift();
  }

  executorEnded(frameworkId: FrameworkId, executorId: string, info: ExecutorInfo): void {
    const { executors } = this.framework(frameworkId);
    const executor = this.executor(frameworkId, executorId);
    executor.info = info;
    executors.delete(executorId);
    executors.set(executorId, executor);
    dropFirst(executors, this.bounds.executors, ({ info }) => info !== undefined);
  }

  frameworkEnded(frameworkId: FrameworkId, info: FrameworkInfo): void {
    const framework = this.framework(frameworkId);
    framework.info = info;
    this.frameworks.delete(frameworkId);
    this.frameworks.set(frameworkId, framework);
    dropFirst(this.frameworks, this.bounds.frameworks, ({ info }) => info !== undefined);
  }

  frameworkIsBack(frameworkId: FrameworkId): void {
    const framework = this.frameworks.get(frameworkId);
    if (framework !== undefined) framework.info = undefined;
  }

  completedFrameworks(): readonly FrameworkInfo[] {
    return [...this.frameworks.values()].flatMap(({ info }) => info ?? []);
  }

  completedExecutors(): readonly ExecutorInfo[] {
    return this.executors().flatMap(({ info }) => info ?? []);
  }

  /** Those of live executors too; of one executor the oldest first. */
  completedTasks(): readonly Task[] {
    return this.executors().flatMap(({ tasks }) => tasks);
  }

  private executors(): readonly ExecutorHistory[] {
    return [...this.frameworks.values()].flatMap(({ executors }) => [...executors.values()]);
  }

  private framework(frameworkId: FrameworkId): FrameworkHistory {
    const known = this.frameworks.get(frameworkId);
    if (known !== undefined) return known;
    const made: FrameworkHistory = { executors: new Map(), info: undefined };
    this.frameworks.set(frameworkId, made);
    return made;
  }

  private executor(frameworkId: FrameworkId, executorId: string): ExecutorHistory {
    const { executors } = this.framework(frameworkId);
    const known = executors.get(executorId);
    if (known !== undefined) return known;
    const made: ExecutorHistory = { tasks: [], info: undefined };
    executors.set(executorId, made);
    return made;
  }
}

/** Drops the first of those that count, if there are more of them than may be. */
function dropFirst<Key, Value>(all: Map<Key, Value>, most: number, counts: (value: Value) => boolean): void {
  const counted = [...all].filter(([, value]) => counts(value));
  const first = counted[0];
  if (first !== undefined && counted.length > most) all.delete(first[0]);
}
