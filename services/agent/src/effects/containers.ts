import {
  isFailureError,
  retryEvent,
  type Attributes,
  type Logger,
  type Span,
  type Tracing,
} from '@meseta/kit';
import { assert, failure, type ContainerId } from '@meseta/model';
import type { AgentMetrics } from '../metrics';
import type { ContainerRuntime } from '../runtime/container-runtime';
import { createSandbox } from '../sandbox/create';
import { sandboxDirectory } from '../sandbox/paths';
import type { Command, Exit } from '../state/command';
import type { AgentState, TaskKey, TaskRecord } from '../state/state';
import { containerSpec } from './container-spec';

/** How many containers are started at once; the rest wait their turn. More only makes each of them slower. */
export const startsAtOnceMax = 16;
/** How many may wait. More than any agent's resources allow, unless tasks ask for next to nothing; beyond it launches are refused. */
export const startsQueuedMax = 20_000;

/** What containers need of the agent around them. */
export interface ContainersOptions {
  readonly state: AgentState;
  readonly runtimes: ReadonlyMap<string, ContainerRuntime>;
  readonly workDir: string;
  readonly switchUser: boolean;
  readonly limitCpu: boolean;
  readonly push: (command: Command) => void;
  readonly log: Logger;
  readonly metrics: AgentMetrics;
  readonly tracing: Tracing;
}

/** Starts and ends containers, as many at once as is good. */
export class Containers {
  private readonly waiting = new Map<ContainerId, TaskRecord>();
  private starting = 0;
  /** The task of each container that runs or may run. */
  private readonly keys = new Map<ContainerId, TaskKey>();
  /** Containers being started; an end that comes meanwhile is told after the start. */
  private readonly beginning = new Map<ContainerId, Exit | undefined>();
  private readonly pending = new Set<Promise<void>>();
  private idle: (() => void)[] = [];

  constructor(private readonly options: ContainersOptions) {}

  /** How many wait to be started. */
  get queued(): number {
    return this.waiting.size;
  }

  start(key: TaskKey): void {
    const task = this.options.state.tasks.get(key);
    if (task === undefined) return;
    if (this.waiting.size >= startsQueuedMax) {
      this.options.metrics.queues.refused('starts');
      const error = failure('overloaded', `${startsQueuedMax} tasks wait to be started already`);
      this.#span(task).end({ error });
      this.fail(task, error.message);
      return;
    }
    this.waiting.set(task.containerId, task);
    this.next();
  }

  /** Takes back a start that has not begun. */
  cancelStart(key: TaskKey, containerId: ContainerId): void {
    if (this.waiting.delete(containerId)) this.options.push({ kind: 'startCancelled', key, containerId });
  }

  /** A container of a former life of the agent runs on. */
  adopt(containerId: ContainerId, key: TaskKey, runtime: string): void {
    this.keys.set(containerId, key);
    this.options.metrics.containers.inc({ runtime });
  }

  /** A container of a former life of the agent is not there any more. */
  abandon(containerId: ContainerId, runtime: string): void {
    if (this.keys.delete(containerId)) this.options.metrics.containers.dec({ runtime });
  }

  /** A runtime told of an end. */
  ended(runtime: string, containerId: ContainerId, exit: Exit): void {
    if (this.beginning.has(containerId)) {
      this.beginning.set(containerId, exit);
      return;
    }
    const key = this.keys.get(containerId);
    if (key === undefined) return;
    this.keys.delete(containerId);
    this.options.metrics.containers.dec({ runtime });
    this.options.push({ kind: 'containerEnded', key, containerId, exit });
  }

  terminate(runtime: string, containerId: ContainerId): void {
    this.try(runtime, containerId, 'terminate');
  }

  destroy(runtime: string, containerId: ContainerId): void {
    this.try(runtime, containerId, 'destroy');
  }

  release(runtime: string, containerId: ContainerId): void {
    this.try(runtime, containerId, 'release');
  }

  /** Starts nothing more, and resolves when what has begun to start has started. */
  async close(): Promise<void> {
    this.waiting.clear();
    if (this.starting > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  /** Resolves when everything that was asked of the runtimes is done. */
  async drain(): Promise<void> {
    await Promise.all(this.pending);
  }

  private next(): void {
    while (this.starting < startsAtOnceMax) {
      const first = this.waiting.entries().next();
      if (first.done === true) return;
      const [containerId, task] = first.value;
      this.waiting.delete(containerId);
      this.starting++;
      void this.startOne(task).then(() => {
        this.starting--;
        this.next();
        if (this.starting === 0) for (const resolve of this.idle.splice(0)) resolve();
      });
    }
  }

  private async startOne(task: TaskRecord): Promise<void> {
    const { state, runtimes, workDir, tracing, metrics, push } = this.options;
    const { key, containerId } = task;
    const span = this.#span(task);
    this.beginning.set(containerId, undefined);
    try {
      const runtime = runtimes.get(task.runtime);
      assert(
        runtime !== undefined && state.agentId !== undefined,
        'a task is planned for a runtime of a registered agent',
      );
      const sandbox = runtime.usesSandbox
        ? sandboxDirectory(workDir, state.agentId, task.frameworkId, task.taskId, containerId)
        : '';
      if (sandbox !== '') await createSandbox(sandbox);
      const spec = containerSpec(
        task,
        state.agentId,
        state.frameworks.get(task.frameworkId)?.info,
        sandbox,
        this.options,
      );
      const startSpan = tracing.start('agent.container.start', {
        parent: span.traceparent,
        attributes: attributesOf(task),
      });
      const facts = await withSpan(startSpan, () =>
        runtime.start(spec, (retry) => retryEvent(startSpan, retry)),
      );
      metrics.launches.inc({ runtime: task.runtime, outcome: 'started' });
      metrics.launchSeconds.observe(
        { runtime: task.runtime },
        Math.max(0, Date.now() - task.launchedAt) / 1000,
      );
      span.end();
      push({ kind: 'containerStarted', key, containerId, facts });
      this.adopt(containerId, key, task.runtime);
      const exit = this.beginning.get(containerId);
      this.beginning.delete(containerId);
      if (exit !== undefined) this.ended(task.runtime, containerId, exit);
    } catch (error) {
      this.beginning.delete(containerId);
      span.end({ error });
      if (!isFailureError(error))
        this.options.log.error({ err: error, taskId: task.taskId }, 'a container could not be started');
      this.fail(task, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  }

  #span(task: TaskRecord): Span {
    return this.options.tracing.start('agent.launch', {
      parent: task.traceparent,
      attributes: attributesOf(task),
      startMs: task.launchedAt,
    });
  }

  private fail(task: TaskRecord, message: string): void {
    this.options.metrics.launches.inc({ runtime: task.runtime, outcome: 'failed' });
    const { key, containerId } = task;
    this.options.push({ kind: 'startFailed', key, containerId, message, reason: 'CONTAINER_LAUNCH_FAILED' });
  }

  private try(runtime: string, containerId: ContainerId, verb: 'terminate' | 'destroy' | 'release'): void {
    const asked = this.options.runtimes.get(runtime)?.[verb](containerId);
    if (asked === undefined) return;
    const done = asked
      .catch((error: unknown) =>
        this.options.log.error({ err: error, containerId }, `could not ${verb} a container`),
      )
      .finally(() => this.pending.delete(done));
    this.pending.add(done);
  }
}

function attributesOf(task: TaskRecord): Attributes {
  return { 'task.id': task.taskId, 'framework.id': task.frameworkId, 'container.runtime': task.runtime };
}

async function withSpan<T>(span: Span, fn: () => Promise<T>): Promise<T> {
  try {
    const result = await fn();
    span.end();
    return result;
  } catch (error) {
    span.end({ error });
    throw error;
  }
}
