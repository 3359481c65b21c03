import type Docker from 'dockerode';
import { failure, isFailure, type ContainerId } from '@meseta/model';
import { FailureError, type Logger, type Timers } from '@meseta/kit';
import type { StartedFacts } from '../../state/state';
import type {
  ContainerLimits,
  ContainerRuntime,
  AttachSession,
  ContainerSpec,
  ContainerUsage,
  NetworkUsage,
  EndListener,
  ExecSession,
  FetchListener,
  KnownContainer,
  RecoveredContainer,
  RunResult,
  WindowSize,
} from '../container-runtime';
import {
  agentLabel,
  containerLabel,
  planContainer,
  updateOptions,
  type ContainerPlan,
  type CreateRules,
} from './create-options';
import { unlimitedBytes } from '../cgroups/cgroups';
import { abandonedExit } from '../guardian';
import type { DockerGuard } from './docker-guard';
import { isDone, isGone, launchError } from './errors';
import { attachToTerminal } from './attach-session';
import { execInContainer } from './exec-session';
import type { ImageCollector } from '../../images/image-collector';
import type { ImageSupply } from './image-supply';
import { exitOf, factsOf } from './inspection';
import { copyOutput } from './output';
import { giveToUser } from './owner';
import { runInContainer } from './run-in-container';
import { makeFolders } from './volumes';

/** How long to wait before a daemon that does not answer is asked again. */
const askAgainMs = 1_000;

interface Watched {
  readonly container: Docker.Container;
  memoryBytes: number;
  /** How much it may have of swap besides; -1 is without bound. */
  readonly swapBytes: number;
  /** What asks it to end: SIGTERM, or what its image says. */
  readonly stopSignal: string;
  /** It has a terminal, and so one output. */
  readonly hasTerminal: boolean;
}

export interface DockerRuntimeOptions extends CreateRules {
  readonly docker: Docker;
  readonly images: ImageSupply;
  /** Deletes them again; it ends with the runtime. */
  readonly collector?: ImageCollector | undefined;
  /** Ends containers whose agent does not come back; unset lets them go on. */
  readonly guard?: DockerGuard | undefined;
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
  private readonly ended = new AbortController();

  constructor(private readonly options: DockerRuntimeOptions) {}

  async recover(known: readonly KnownContainer[]): Promise<readonly RecoveredContainer[]> {
    const { docker, agentName, log, guard } = this.options;
    // The new one before anything is looked for: from now on the former one ends nothing.
    const abandoned = (await guard?.begin()) === true;
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
    await guard?.keepOnly(expected);
    return Promise.all(
      known.map(async (container) => {
        const found = await this.find(container, dockerIds.get(container.containerId));
        return abandoned && found.kind === 'ended' ? { ...found, exit: abandonedExit(found.exit) } : found;
      }),
    );
  }

  async fetch(spec: ContainerSpec, listener: FetchListener, signal: AbortSignal): Promise<void> {
    const { image } = this.plan(spec);
    await this.options.images.ensure(spec, image, listener, signal);
  }

  async start(spec: ContainerSpec): Promise<StartedFacts> {
    const plan = this.plan(spec);
    makeFolders(spec.sandbox, plan.folders);
    let container: Docker.Container | undefined;
    try {
      container = await this.create(spec, plan);
      await this.giveToUser(container, spec, plan);
      await container.start();
      const terminal = spec.container?.ttyInfo?.windowSize;
      if (terminal !== undefined)
        await container.resize({ h: terminal.rows, w: terminal.columns }).catch(() => undefined);
      const inspected = await container.inspect();
      await this.watch(spec.containerId, container, inspected, spec.sandbox);
      return factsOf(inspected);
    } catch (error) {
      if (container !== undefined) await this.remove(container);
      throw launchError('cannot start the container', error);
    }
  }

  async terminate(containerId: ContainerId): Promise<void> {
    await this.signal(containerId, this.watched.get(containerId)?.stopSignal ?? 'SIGTERM');
  }

  async destroy(containerId: ContainerId): Promise<void> {
    await this.signal(containerId, 'SIGKILL');
  }

  async release(containerId: ContainerId): Promise<void> {
    this.watched.delete(containerId);
    await this.options.guard?.drop(containerId);
    await this.remove(this.options.docker.getContainer(`meseta-${containerId}`));
  }

  async update(containerId: ContainerId, limits: ContainerLimits): Promise<void> {
    const watched = this.watched.get(containerId);
    if (watched === undefined) return;
    try {
      await watched.container.update(updateOptions(limits, watched.swapBytes));
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

  async attach({ containerId }: ContainerSpec): Promise<AttachSession> {
    const watched = this.watched.get(containerId);
    if (watched === undefined) throw new FailureError(failure('conflict', 'the task has ended'));
    return attachToTerminal(watched.container);
  }

  async usage(containerId: ContainerId): Promise<ContainerUsage | undefined> {
    const watched = this.watched.get(containerId);
    if (watched === undefined) return undefined;
    const {
      memory_stats: memory,
      cpu_stats: cpu,
      pids_stats: pids,
      networks,
    } = await watched.container.stats({ stream: false, 'one-shot': true });
    return {
      ...(memory?.usage !== undefined && { memoryBytes: memory.usage }),
      ...(watched.memoryBytes > 0 && { memoryLimitBytes: watched.memoryBytes }),
      ...(cpu?.cpu_usage !== undefined && {
        cpuSeconds: cpu.cpu_usage.total_usage / 1e9,
        cpuUserSeconds: cpu.cpu_usage.usage_in_usermode / 1e9,
        cpuSystemSeconds: cpu.cpu_usage.usage_in_kernelmode / 1e9,
      }),
      ...(networks !== undefined && { network: networkUsageOf(networks) }),
      // The daemon counts threads, and calls them processes.
      ...(pids?.current !== undefined && { processes: pids.current, threads: pids.current }),
    };
  }

  close(): Promise<void> {
    this.ended.abort();
    this.options.collector?.close();
    this.options.guard?.close();
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
    const inspected = await container.inspect();
    const { State } = inspected;
    if (State.Status === 'created') {
      await this.remove(container);
      return { kind: 'neverStarted' };
    }
    if (!State.Running) {
      const watched = watchedOf(container, inspected);
      if (sandbox !== '') await this.copyOutput(watched, sandbox).catch(() => undefined);
      return { kind: 'ended', exit: exitOf(State, watched.memoryBytes) };
    }
    await this.watch(containerId, container, inspected, sandbox);
    return { kind: 'running', facts: factsOf(inspected) };
  }

  private async watch(
    containerId: ContainerId,
    container: Docker.Container,
    inspected: Docker.ContainerInspectInfo,
    sandbox: string,
  ): Promise<void> {
    const watched = watchedOf(container, inspected);
    this.watched.set(containerId, watched);
    await this.options.guard?.hold(containerId, inspected.Id, inspected.State.Pid);
    this.untilEnd(containerId, watched, sandbox).catch((error: unknown) => {
      this.options.log.error({ err: error, containerId }, 'could not watch a container');
    });
  }

  /** The end is told when the whole output is in the sandbox. A daemon that goes away is asked again until it is back. */
  private async untilEnd(containerId: ContainerId, watched: Watched, sandbox: string): Promise<void> {
    const { log, onEnd, timers } = this.options;
    while (!this.ended.signal.aborted && this.watched.get(containerId) === watched) {
      try {
        if (sandbox !== '') await this.copyOutput(watched, sandbox);
        await watched.container.wait();
        // Following ends when the container does, which may be before its last words are in the daemon's log.
        if (sandbox !== '') await this.copyOutput(watched, sandbox);
        const { State } = await watched.container.inspect();
        if (State.Running) continue;
        if (this.watched.delete(containerId)) onEnd(containerId, exitOf(State, watched.memoryBytes));
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

  private async signal(containerId: ContainerId, name: string): Promise<void> {
    try {
      await this.watched.get(containerId)?.container.kill({ signal: name });
    } catch (error) {
      if (!isDone(error)) throw error;
    }
  }

  private plan(spec: ContainerSpec): ContainerPlan {
    const plan = planContainer(spec, this.options);
    if (isFailure(plan)) throw new FailureError(plan);
    return plan;
  }

  /** An image that was there a moment ago may have been deleted since, by an operator or for want of room: then it is brought once more. */
  private async create(spec: ContainerSpec, plan: ContainerPlan): Promise<Docker.Container> {
    const { docker } = this.options;
    try {
      return await docker.createContainer(plan.options);
    } catch (error) {
      if (!isGone(error) || !/no such image/i.test(String(error))) throw error;
      await this.options.images.ensure(spec, plan.image, {});
      return docker.createContainer(plan.options);
    }
  }

  /** A sandbox that cannot be given away, as where root is nobody, may do all the same. */
  private async giveToUser(
    container: Docker.Container,
    { containerId, sandbox, mounts }: ContainerSpec,
    { options: { User } }: ContainerPlan,
  ): Promise<void> {
    if (User === undefined) return;
    const volumes = mounts.filter(({ isVolume }) => isVolume).map(({ source }) => source);
    await giveToUser(container, User, { sandbox, volumes }).catch((error: unknown) => {
      this.options.log.warn({ err: error, containerId }, 'could not give a sandbox to the user of its task');
    });
  }

  private copyOutput({ container, hasTerminal }: Watched, sandbox: string): Promise<void> {
    return copyOutput(this.options.docker, container, { sandbox, hasTerminal, signal: this.ended.signal });
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

function watchedOf(
  container: Docker.Container,
  { Config, HostConfig }: Docker.ContainerInspectInfo,
): Watched {
  const { Memory = 0, MemorySwap = 0 } = HostConfig;
  // One whose bound was lifted.
  const isUnlimited = Memory >= unlimitedBytes;
  const { StopSignal } = Config as { readonly StopSignal?: string };
  return {
    container,
    memoryBytes: isUnlimited ? 0 : Memory,
    swapBytes: MemorySwap < 0 ? -1 : isUnlimited ? 0 : Math.max(0, MemorySwap - Memory),
    stopSignal: StopSignal || 'SIGTERM',
    hasTerminal: Config.Tty,
  };
}

/** What the daemon counts for each network, all together. */
function networkUsageOf(networks: Readonly<Record<string, unknown>>): NetworkUsage {
  const all = Object.values(networks) as Readonly<Record<string, number>>[];
  const sum = (name: string): number => all.reduce((total, one) => total + (one[name] ?? 0), 0);
  const traffic = (way: 'rx' | 'tx'): NetworkUsage['sent'] => ({
    bytes: sum(`${way}_bytes`),
    packets: sum(`${way}_packets`),
    errors: sum(`${way}_errors`),
    dropped: sum(`${way}_dropped`),
  });
  return { received: traffic('rx'), sent: traffic('tx') };
}
