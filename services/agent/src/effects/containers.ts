import { isFailureError, retryEvent, type Logger, type Span, type Timers, type Tracing } from '@meseta/kit';
import { assert, failure, type AgentId, type ContainerId, type Instant } from '@meseta/model';
import type { AgentMetrics } from '../metrics';
import type { ContainerRuntime, ContainerSpec } from '../runtime/container-runtime';
import { createMemberSandbox, createSandbox, linkTask } from '../sandbox/create';
import { taskLink } from '../sandbox/paths';
import { beginAge } from '../sandbox/old-sandboxes';
import { sandboxOfExecutor, sandboxOfTask } from '../sandbox/sandbox-of';
import type { Command, Exit, OwnerKey } from '../state/command';
import type { AgentState, ExecutorKey, ExecutorRecord, TaskKey, TaskRecord } from '../state/state';
import { liveTasksOf } from '../state/running';
import type { CommandInfo_URI, ContainerInfo } from '@meseta/protocol';
import type { Fetcher } from '../fetcher/fetcher';
import type { SecretFiles } from '../secrets/secret-files';
import { containerVolumes, secretVolumes, type Parent } from './container-volumes';
import { volumesSettled } from './volumes';
import { progressEvery, type Progress } from './start-progress';
import { executorLimits, executorSpec, taskSpec, volumeMounts, type SpecContext } from './container-spec';

/** How many containers are started at once; the rest wait their turn. More only makes each of them slower. */
export const startsAtOnceMax = 16;
/** How many bring what they need at once, besides those that are started: a slow server holds up nobody else. */
export const fetchesAtOnceMax = 32;
/** How many may wait. More than any agent's resources allow, unless tasks ask for next to nothing; beyond it launches are refused. */
export const startsQueuedMax = 20_000;
/** When a container is asked to end again after that has failed, as it does while a daemon is away. Milliseconds. */
const terminateAgainMs = 1_000;

/** What containers need of the agent around them. */
export interface ContainersOptions extends SpecContext {
  readonly state: AgentState;
  readonly runtimes: ReadonlyMap<string, ContainerRuntime>;
  readonly fetcher: Fetcher;
  readonly secretFiles: SecretFiles;
  /** How often it is told how far a start has come that takes long. Milliseconds; 0 is never. */
  readonly progressIntervalMs: number;
  readonly push: (command: Command) => void;
  readonly timers: Timers;
  readonly log: Logger;
  readonly metrics: AgentMetrics;
  readonly tracing: Tracing;
}

/** A container that is to be started: a task's, or a custom executor's. */
interface Start {
  readonly key: OwnerKey;
  readonly containerId: ContainerId;
  readonly runtime: string;
  readonly traceparent: string;
  readonly launchedAt: Instant;
  readonly attributes: Readonly<Record<string, string>>;
  /** What must be fetched before. */
  readonly uris: readonly CommandInfo_URI[];
  readonly container: ContainerInfo | undefined;
  /** Makes its sandbox and says what is to be run. */
  readonly prepare: (agentId: AgentId, usesSandbox: boolean) => Promise<ContainerSpec>;
}

/** Starts and ends containers, as many at once as is good. */
export class Containers {
  private readonly waiting = new Map<ContainerId, Start>();
  private readonly toFetch = new Map<ContainerId, Start>();
  private readonly fetching = new Map<ContainerId, AbortController>();
  private starting = 0;
  private closing = false;
  /** Whose each container is that runs or may run. */
  private readonly keys = new Map<ContainerId, OwnerKey>();
  /** Containers being started; an end that comes meanwhile is told after the start. */
  private readonly beginning = new Map<ContainerId, Exit | undefined>();
  private readonly pending = new Set<Promise<void>>();
  /** Containers that are being ended by force: whoever is slow to do it is not asked twice at once. */
  private readonly destroying = new Set<ContainerId>();
  /** Containers that are to be asked to end once more, with what calls that off. */
  private readonly politely = new Map<ContainerId, () => void>();
  private idle: (() => void)[] = [];

  constructor(private readonly options: ContainersOptions) {}

  /** How many wait to be started. */
  get queued(): number {
    return this.waiting.size + this.toFetch.size;
  }

  start(key: TaskKey): void {
    const task = this.options.state.tasks.get(key);
    if (task === undefined) return;
    const { taskId, frameworkId, runtime } = task;
    this.enqueue({
      ...task,
      uris: task.info.command?.uris ?? [],
      container: task.info.container,
      attributes: { 'task.id': taskId, 'framework.id': frameworkId, 'container.runtime': runtime },
      prepare: (agentId, usesSandbox) => this.prepareTask(agentId, task, usesSandbox),
    });
  }

  startExecutor(key: ExecutorKey): void {
    const executor = this.options.state.executors.get(key);
    if (executor === undefined) return;
    const { executorId, frameworkId, runtime } = executor;
    this.enqueue({
      ...executor,
      uris: executor.info.command?.uris ?? [],
      container: executor.info.container,
      attributes: { 'executor.id': executorId, 'framework.id': frameworkId, 'container.runtime': runtime },
      prepare: async (agentId, usesSandbox) => {
        const spec = executorSpec(this.options, agentId, executor);
        if (!usesSandbox) return { ...spec, sandbox: '' };
        await createSandbox(spec.sandbox);
        return this.withVolumes(spec, runtime, undefined);
      },
    });
  }

  /** The tasks of an executor have changed, and with them what it may use. */
  resize(key: ExecutorKey): void {
    const executor = this.options.state.executors.get(key);
    if (executor === undefined || executor.phase !== 'running') return;
    const limits = executorLimits(this.options, executor);
    // One without anything of its own keeps what its last task had, and is not let loose.
    if (limits.cpuMilli === 0 && limits.memoryBytes === undefined) return;
    this.follow(
      this.options.runtimes.get(executor.runtime)?.update(executor.containerId, limits),
      executor.containerId,
      'resize',
    );
  }

  /** An executor's task was handed over: its sandbox is found by its own name too. */
  linkToExecutor(executor: ExecutorRecord, taskIds: readonly string[]): void {
    const { state, workDir } = this.options;
    const { agentId } = state;
    if (agentId === undefined) return;
    const sandbox = sandboxOfExecutor(workDir, agentId, executor);
    for (const taskId of taskIds)
      this.follow(
        linkTask(taskLink(workDir, agentId, executor.frameworkId, taskId), sandbox),
        executor.containerId,
        'link',
      );
  }

  private async prepareTask(
    agentId: AgentId,
    task: TaskRecord,
    usesSandbox: boolean,
  ): Promise<ContainerSpec> {
    const { state, workDir } = this.options;
    const spec = taskSpec(this.options, agentId, task);
    if (!usesSandbox) return { ...spec, sandbox: '' };
    const executor = task.executor === undefined ? undefined : state.executors.get(task.executor);
    if (executor === undefined) {
      await createSandbox(spec.sandbox);
      return this.withVolumes(spec, task.runtime, undefined);
    }
    const shared = sandboxOfExecutor(workDir, agentId, executor);
    await createMemberSandbox(shared, spec.sandbox, task.taskId);
    await linkTask(taskLink(workDir, agentId, task.frameworkId, task.taskId), spec.sandbox);
    const volumes = volumeMounts(workDir, executor.info.resources);
    const isBusy = liveTasksOf(state, executor).some(({ phase }) => phase === 'running');
    return this.withVolumes(spec, task.runtime, { sandbox: shared, volumes, isBusy });
  }

  /** With what the container wants to see besides; Docker is told of all but secrets in its own words. */
  private async withVolumes(
    spec: ContainerSpec,
    runtime: string,
    parent: Parent | undefined,
  ): Promise<ContainerSpec> {
    const volumes = spec.container?.volumes ?? [];
    if (volumes.length === 0) return spec;
    const { resolveSecret, secretFiles } = this.options;
    const secrets = await secretVolumes(volumes, spec.containerId, resolveSecret, secretFiles);
    const others = runtime === 'docker' ? [] : containerVolumes(volumes, spec.sandbox, parent);
    return { ...spec, mounts: [...spec.mounts, ...others, ...secrets] };
  }

  private enqueue(start: Start): void {
    if (this.queued >= startsQueuedMax) {
      this.options.metrics.queues.refused('starts');
      const error = failure('overloaded', `${startsQueuedMax} tasks wait to be started already`);
      this.#span(start).end({ error });
      this.fail(start, error.message);
      return;
    }
    // Bringing an image may take longer than all the rest: it is no part of a start, of which there are few at once.
    if (start.uris.length > 0 || this.fetches(start)) {
      this.toFetch.set(start.containerId, start);
      this.nextFetch();
      return;
    }
    this.waiting.set(start.containerId, start);
    this.next();
  }

  private fetches({ runtime: name, container }: Start): boolean {
    const runtime = this.options.runtimes.get(name);
    return runtime?.fetch !== undefined && (runtime.fetches?.(container) ?? true);
  }

  private nextFetch(): void {
    for (const [containerId, start] of this.toFetch) {
      if (this.fetching.size >= fetchesAtOnceMax) return;
      this.toFetch.delete(containerId);
      const controller = new AbortController();
      this.fetching.set(containerId, controller);
      void this.fetchFor(start, controller.signal).then(() => {
        this.fetching.delete(containerId);
        this.nextFetch();
      });
    }
  }

  /** Brings what a container needs, and only then queues its start: time on the network is not time of a launch. */
  private async fetchFor(start: Start, signal: AbortSignal): Promise<void> {
    const { state, runtimes, fetcher } = this.options;
    const { key, containerId, uris } = start;
    const span = this.options.tracing.start('agent.fetch', {
      parent: start.traceparent,
      attributes: start.attributes,
    });
    try {
      assert(state.agentId !== undefined, 'what is started is planned for a registered agent');
      const runtime = runtimes.get(start.runtime);
      const usesSandbox = runtime?.usesSandbox === true;
      const spec = await start.prepare(state.agentId, usesSandbox);
      const progress = this.progressOf(start);
      if (usesSandbox) await fetcher.fetch(uris, { ...spec, signal, progress });
      await runtime?.fetch?.(spec, { retried: (retry) => retryEvent(span, retry), progress }, signal);
      span.end();
      if (signal.aborted) {
        this.cancelled(key, containerId);
        return;
      }
      this.waiting.set(containerId, { ...start, prepare: () => Promise.resolve(spec) });
      this.next();
    } catch (error) {
      span.end({ error });
      if (signal.aborted) this.cancelled(key, containerId);
      else this.refuse(start, error);
    }
  }

  /** Takes back a start that has not begun. */
  cancelStart(key: OwnerKey, containerId: ContainerId): void {
    this.fetching.get(containerId)?.abort();
    if (this.waiting.delete(containerId) || this.toFetch.delete(containerId))
      this.cancelled(key, containerId);
  }

  private cancelled(key: OwnerKey, containerId: ContainerId): void {
    this.forgetSecrets(containerId);
    // Given up because the agent ends: the next one finds that it never started, and tells it so.
    if (this.closing) return;
    this.options.push({ kind: 'startCancelled', key, containerId });
  }

  /** A container of a former life of the agent runs on. */
  adopt(containerId: ContainerId, key: OwnerKey, runtime: string): void {
    this.keys.set(containerId, key);
    this.options.metrics.containers.inc({ runtime });
  }

  /** A container of a former life of the agent is not there any more. */
  abandon(containerId: ContainerId, runtime: string): void {
    const key = this.keys.get(containerId);
    if (key !== undefined) this.over(containerId, key, runtime);
  }

  /** A runtime told of an end. */
  ended(runtime: string, containerId: ContainerId, exit: Exit): void {
    if (this.beginning.has(containerId)) {
      this.beginning.set(containerId, exit);
      return;
    }
    const key = this.keys.get(containerId);
    if (key === undefined) return;
    this.over(containerId, key, runtime);
    this.options.push({ kind: 'containerEnded', key, containerId, exit });
  }

  private over(containerId: ContainerId, key: OwnerKey, runtime: string): void {
    this.keys.delete(containerId);
    this.options.metrics.containers.dec({ runtime });
    if (this.options.runtimes.get(runtime)?.usesSandbox !== true) return;
    const ages = this.sandboxesOf(key).map((sandbox) => beginAge(sandbox));
    const all = Promise.all(ages).then(() => undefined);
    this.follow(all, containerId, 'begin the age of the sandbox of');
  }

  /** The sandbox of a task or an executor; for a task of a pod the pod's too, whose end is that of its last task. */
  private sandboxesOf(key: OwnerKey): readonly string[] {
    const { state, workDir } = this.options;
    const { agentId } = state;
    if (agentId === undefined) return [];
    const task = state.tasks.get(key);
    const executor = state.executors.get(task?.executor ?? key);
    return [
      ...(task === undefined ? [] : [sandboxOfTask(workDir, agentId, state, task)]),
      ...(executor === undefined ? [] : [sandboxOfExecutor(workDir, agentId, executor)]),
    ];
  }

  /** Asks a container to end. If it cannot be asked it is tried again, unless it is ended by force meanwhile. */
  terminate(runtime: string, containerId: ContainerId): void {
    const asked = this.options.runtimes.get(runtime)?.terminate(containerId);
    const again = (error: unknown): never => {
      this.politely.set(
        containerId,
        this.options.timers.after(terminateAgainMs, () => {
          this.politely.delete(containerId);
          if (!this.closing && this.keys.has(containerId)) this.terminate(runtime, containerId);
        }),
      );
      throw error;
    };
    this.follow(asked?.catch(again), containerId, 'terminate');
  }

  /** Ends a container by force. Whoever wants to be sure asks again until its end is told. */
  destroy(runtime: string, containerId: ContainerId): void {
    this.politely.get(containerId)?.();
    this.politely.delete(containerId);
    if (this.destroying.has(containerId)) return;
    const asked = this.options.runtimes.get(runtime)?.destroy(containerId);
    if (asked === undefined) return;
    this.destroying.add(containerId);
    this.follow(
      asked.finally(() => this.destroying.delete(containerId)),
      containerId,
      'destroy',
    );
  }

  release(runtime: string, containerId: ContainerId): void {
    this.follow(this.options.runtimes.get(runtime)?.release(containerId), containerId, 'release');
    this.abandon(containerId, runtime);
    this.forgetSecrets(containerId);
  }

  /** Starts nothing more, and resolves when what has begun to start has started. */
  async close(): Promise<void> {
    this.closing = true;
    this.waiting.clear();
    this.toFetch.clear();
    for (const controller of this.fetching.values()) controller.abort();
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
      const [containerId, start] = first.value;
      this.waiting.delete(containerId);
      this.starting++;
      void this.startOne(start).then(() => {
        this.starting--;
        this.next();
        if (this.starting === 0) for (const resolve of this.idle.splice(0)) resolve();
      });
    }
  }

  private progressOf({ key, containerId }: Start): Progress {
    const { progressIntervalMs, push } = this.options;
    return progressEvery(progressIntervalMs, (message) =>
      push({ kind: 'startProgressed', key, containerId, message }),
    );
  }

  private async startOne(start: Start): Promise<void> {
    const { state, runtimes, tracing, metrics, push } = this.options;
    const { key, containerId, attributes } = start;
    const span = this.#span(start);
    this.beginning.set(containerId, undefined);
    try {
      const runtime = runtimes.get(start.runtime);
      assert(
        runtime !== undefined && state.agentId !== undefined,
        'what is started is planned for a runtime of a registered agent',
      );
      const spec = await start.prepare(state.agentId, runtime.usesSandbox);
      await volumesSettled(spec.mounts.map(({ source }) => source));
      const startSpan = tracing.start('agent.container.start', { parent: span.traceparent, attributes });
      const facts = await withSpan(startSpan, () => runtime.start(spec));
      metrics.launches.inc({ runtime: start.runtime, outcome: 'started' });
      metrics.launchSeconds.observe(
        { runtime: start.runtime },
        Math.max(0, Date.now() - start.launchedAt) / 1000,
      );
      span.end();
      push({ kind: 'containerStarted', key, containerId, runtime: start.runtime, facts });
      this.adopt(containerId, key, start.runtime);
      const exit = this.beginning.get(containerId);
      this.beginning.delete(containerId);
      if (exit !== undefined) this.ended(start.runtime, containerId, exit);
    } catch (error) {
      this.beginning.delete(containerId);
      span.end({ error });
      this.refuse(start, error);
    }
  }

  private refuse(start: Start, error: unknown): void {
    if (!isFailureError(error))
      this.options.log.error({ err: error, ...start.attributes }, 'a container could not be started');
    this.fail(start, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }

  #span({ traceparent, attributes, launchedAt }: Start): Span {
    return this.options.tracing.start('agent.launch', {
      parent: traceparent,
      attributes,
      startMs: launchedAt,
    });
  }

  private forgetSecrets(containerId: ContainerId): void {
    this.follow(this.options.secretFiles.remove(containerId), containerId, 'forget secrets of');
  }

  private fail({ key, containerId, runtime }: Start, message: string): void {
    this.forgetSecrets(containerId);
    this.options.metrics.launches.inc({ runtime, outcome: 'failed' });
    this.options.push({ kind: 'startFailed', key, containerId, message, reason: 'CONTAINER_LAUNCH_FAILED' });
  }

  /** Sees to it that what was asked for is done before the agent ends, and that it is told if it fails. */
  private follow(asked: Promise<void> | undefined, containerId: ContainerId, verb: string): void {
    if (asked === undefined) return;
    const done = asked
      .catch((error: unknown) =>
        this.options.log.error({ err: error, containerId }, `could not ${verb} a container`),
      )
      .finally(() => this.pending.delete(done));
    this.pending.add(done);
  }
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
