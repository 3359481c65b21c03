import type Docker from 'dockerode';
import { failure, isFailure, type ContainerId } from '@meseta/model';
import { FailureError, type Logger, type Timers } from '@meseta/kit';
import type { Exit } from '../../state/command';
import type { ContainerFacts } from '../../state/state';
import type {
  ContainerLimits,
  ContainerRuntime,
  AttachSession,
  ContainerSpec,
  ContainerUsage,
  EndListener,
  ExecSession,
  KnownContainer,
  RecoveredContainer,
  RetryListener,
  RunResult,
  WindowSize,
} from '../container-runtime';
import { signalName } from '../signals';
import { agentLabel, containerLabel, createOptions, updateOptions } from './create-options';
import { isDone, isGone, launchError } from './errors';
import { execInContainer } from './exec-session';
import { Images } from './images';
import { copyOutput } from './output';
import { runInContainer } from './run-in-container';

/** How long to wait before a daemon that does not answer is asked again. */
const askAgainMs = 1_000;

interface Watched {
  readonly container: Docker.Container;
  memoryBytes: number;
}

export interface DockerRuntimeOptions {
  readonly docker: Docker;
  readonly agentName: string;
  readonly onEnd: EndListener;
  readonly log: Logger;
  readonly timers: Timers;
}

/** Tasks as containers of a Docker daemon, which is also what survives the agent and remembers how they ended. */
export class DockerRuntime implements ContainerRuntime {
  readonly name = 'docker';
  readonly usesSandbox = true;
  readonly keepsLimits = true;
  private readonly watched = new Map<ContainerId, Watched>();
  private readonly images: Images;
  private readonly ended = new AbortController();

  constructor(private readonly options: DockerRuntimeOptions) {
    this.images = new Images(options.docker, options.timers);
  }

  async recover(known: readonly KnownContainer[]): Promise<readonly RecoveredContainer[]> {
    const { docker, agentName, log } = this.options;
    const listed = await docker.listContainers({
      all: true,
      filters: { label: [`${agentLabel}=${agentName}`] },
    });
    const dockerIds = new Map(listed.map(({ Id, Labels }) => [Labels[containerLabel] ?? '', Id]));
    const expected = new Set<string>(known.map(({ containerId }) => containerId));
    for (const [containerId, dockerId] of dockerIds) {
      if (expected.has(containerId)) continue;
      await this.remove(docker.getContainer(dockerId));
      log.info({ containerId }, 'ended a container that nobody knows of');
    }
    return Promise.all(known.map((container) => this.find(container, dockerIds.get(container.containerId))));
  }

  async start(spec: ContainerSpec, retried?: RetryListener): Promise<ContainerFacts> {
    const options = createOptions(spec, this.options.agentName);
    if (isFailure(options)) throw new FailureError(options);
    await this.images.ensure(options.Image ?? '', spec.container?.docker?.forcePullImage === true, retried);
    let container: Docker.Container | undefined;
    try {
      container = await this.options.docker.createContainer(options);
      await container.start();
      const { State, NetworkSettings, HostConfig } = await container.inspect();
      this.watch(spec.containerId, { container, memoryBytes: HostConfig.Memory ?? 0 }, spec.sandbox);
      return factsOf(State.Pid, NetworkSettings);
    } catch (error) {
      if (container !== undefined) await this.remove(container);
      throw launchError('cannot start the container', error);
    }
  }

  async terminate(containerId: ContainerId): Promise<void> {
    await this.signal(containerId, 'SIGTERM');
  }

  async destroy(containerId: ContainerId): Promise<void> {
    await this.signal(containerId, 'SIGKILL');
  }

  async release(containerId: ContainerId): Promise<void> {
    this.watched.delete(containerId);
    await this.remove(this.options.docker.getContainer(`meseta-${containerId}`));
  }

  async update(containerId: ContainerId, limits: ContainerLimits): Promise<void> {
    const watched = this.watched.get(containerId);
    if (watched === undefined) return;
    try {
      await watched.container.update(updateOptions(limits));
    } catch (error) {
      if (!isDone(error)) throw error;
      return;
    }
    watched.memoryBytes = limits.memoryBytes ?? 0;
  }

  async run(spec: ContainerSpec, signal: AbortSignal): Promise<RunResult> {
    const watched = this.watched.get(spec.containerId);
    if (watched === undefined) throw new FailureError(failure('conflict', 'the task has ended'));
    return runInContainer(this.options.docker, watched.container, spec, signal);
  }

  async exec(
    spec: ContainerSpec,
    command: readonly string[],
    terminal: WindowSize | undefined,
  ): Promise<ExecSession> {
    const watched = this.watched.get(spec.containerId);
    if (watched === undefined) throw new FailureError(failure('conflict', 'the task has ended'));
    return execInContainer(this.options.docker, watched.container, spec, command, terminal);
  }

  attach(): Promise<AttachSession> {
    return Promise.reject(new FailureError(failure('conflict', 'the container has no terminal')));
  }

  async usage(containerId: ContainerId): Promise<ContainerUsage | undefined> {
    const watched = this.watched.get(containerId);
    if (watched === undefined) return undefined;
    const {
      memory_stats: memory,
      cpu_stats: cpu,
      pids_stats: pids,
    } = await watched.container.stats({ stream: false, 'one-shot': true });
    return {
      ...(memory?.usage !== undefined && { memoryBytes: memory.usage }),
      ...(cpu?.cpu_usage !== undefined && { cpuSeconds: cpu.cpu_usage.total_usage / 1e9 }),
      ...(pids?.current !== undefined && { processes: pids.current }),
    };
  }

  close(): Promise<void> {
    this.ended.abort();
    this.watched.clear();
    return Promise.resolve();
  }

  private async find(
    { containerId, ran, sandbox }: KnownContainer,
    dockerId: string | undefined,
  ): Promise<RecoveredContainer> {
    const { docker } = this.options;
    const gone = {
      kind: 'ended',
      exit: { kind: 'lost', message: 'The container was removed while the agent was away' },
    } as const;
    if (dockerId === undefined) return ran ? gone : { kind: 'neverStarted' };
    const container = docker.getContainer(dockerId);
    const { State, NetworkSettings, HostConfig } = await container.inspect();
    if (State.Status === 'created') {
      await this.remove(container);
      return { kind: 'neverStarted' };
    }
    const watched = { container, memoryBytes: HostConfig.Memory ?? 0 };
    if (!State.Running) {
      if (sandbox !== '')
        await copyOutput(docker, container, sandbox, this.ended.signal).catch(() => undefined);
      return { kind: 'ended', exit: exitOf(State, watched) };
    }
    this.watch(containerId, watched, sandbox);
    return { kind: 'running', facts: factsOf(State.Pid, NetworkSettings) };
  }

  private watch(containerId: ContainerId, watched: Watched, sandbox: string): void {
    this.watched.set(containerId, watched);
    this.untilEnd(containerId, watched, sandbox).catch((error: unknown) => {
      this.options.log.error({ err: error, containerId }, 'could not watch a container');
    });
  }

  /** The end is told when the whole output is in the sandbox. A daemon that goes away is asked again until it is back. */
  private async untilEnd(containerId: ContainerId, watched: Watched, sandbox: string): Promise<void> {
    const { docker, log, onEnd, timers } = this.options;
    while (!this.ended.signal.aborted && this.watched.get(containerId) === watched) {
      try {
        if (sandbox !== '') await copyOutput(docker, watched.container, sandbox, this.ended.signal);
        await watched.container.wait();
        // Following ends when the container does, which may be before its last words are in the daemon's log.
        if (sandbox !== '') await copyOutput(docker, watched.container, sandbox, this.ended.signal);
        const { State } = await watched.container.inspect();
        if (State.Running) continue;
        if (this.watched.delete(containerId)) onEnd(containerId, exitOf(State, watched));
        return;
      } catch (error) {
        if (isGone(error)) {
          if (this.watched.delete(containerId))
            onEnd(containerId, { kind: 'lost', message: 'The container was removed by somebody else' });
          return;
        }
        if (this.ended.signal.aborted) return;
        log.warn({ err: error, containerId }, 'lost sight of a container; asking again');
        await new Promise<void>((resolve) => timers.after(askAgainMs, resolve));
      }
    }
  }

  private async signal(containerId: ContainerId, name: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    try {
      await this.watched.get(containerId)?.container.kill({ signal: name });
    } catch (error) {
      if (!isDone(error)) throw error;
    }
  }

  private async remove(container: Docker.Container): Promise<void> {
    try {
      await container.remove({ force: true, v: true });
    } catch (error) {
      if (!isDone(error))
        throw new FailureError(failure('conflict', `cannot remove a container: ${String(error)}`));
    }
  }
}

function factsOf(pid: number, settings: Docker.ContainerInspectInfo['NetworkSettings']): ContainerFacts {
  const ip = Object.values(settings.Networks)
    .map(({ IPAddress }) => IPAddress)
    .find(Boolean);
  return { pid, ...(ip !== undefined && { ip }) };
}

/** The daemon, like a shell, adds 128 to a signal's number. */
function exitOf(state: Docker.ContainerInspectInfo['State'], { memoryBytes }: Watched): Exit {
  if (state.OOMKilled && state.ExitCode !== 0) return { kind: 'outOfMemory', limitBytes: memoryBytes };
  const name = signalName(state.ExitCode);
  return name === undefined ? { kind: 'exited', status: state.ExitCode } : { kind: 'signaled', signal: name };
}
