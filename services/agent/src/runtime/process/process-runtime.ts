import { randomUUID } from 'node:crypto';
import { existsSync, watch, type FSWatcher } from 'node:fs';
import { mkdir, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { failure, isFailure, type ContainerId } from '@meseta/model';
import { FailureError, systemTimers, type Logger, type Timers } from '@meseta/kit';
import type { Exit } from '../../state/command';
import type { ContainerFacts } from '../../state/state';
import type { ContainerInfo } from '@meseta/protocol';
import type { ImageCollector } from '../../images/image-collector';
import type { GpuKeeper } from '../../gpu/gpu-keeper';
import type {
  AttachSession,
  ContainerLimits,
  ContainerRuntime,
  ContainerSpec,
  ContainerUsage,
  EndListener,
  ExecSession,
  FetchListener,
  KnownContainer,
  ProcessIsolation,
  RecoveredContainer,
  RunResult,
  WindowSize,
} from '../container-runtime';
import { abandonedExit, startGuardian, wasAbandoned } from '../guardian';
import { oomScoreOf } from '../oom-score';
import { argvOf } from './command';
import { execSession } from './exec-session';
import { containerOf, exitSuffix, RunFiles, type ContainerProcesses } from './layout';
import { hasImages } from './run-images';
import { isAlive, signal, statOf, type ProcessName } from './proc';
import { inNetwork, withAddress } from './in-network';
import { runScript } from './run-script';
import { besideScript, supervisorScript } from './script';
import { Sessions } from './sessions';
import { spawnSupervisor } from './spawn';
import { Surroundings, type SurroundingsOptions } from './surroundings';
import { networkUsageOf } from './traffic';
import { attachTo, keepsTerminal } from './terminal';

const guardianName = 'guardian';
/** How often the exit files are looked for even if nobody told of one. */
const pollMs = 5_000;
/** How often, and how many times, a group is asked to be empty before it is left for the next look. */
const emptyWaitMs = 10;
const emptyTries = 100;

interface Watched extends ContainerProcesses {
  /** Its exit file is being looked for, or its end cleared up after; one look at a time. */
  looking: boolean;
  /** Look again: something happened meanwhile. */
  again: boolean;
  /** Its end was ordered. */
  destroyed?: true;
  /** How often the kernel had ended something of it for want of memory, by the last look and by the one before. */
  oomKills: readonly [number, number];
}

export interface ProcessRuntimeOptions extends SurroundingsOptions {
  /** Where supervisors write; the agent's alone. */
  readonly directory: string;
  /** Whether tasks may share namespaces of the machine. */
  readonly sharesMachine?: boolean;
  /** How long tasks go on without their agent. Milliseconds; for ever if unset. */
  readonly recoveryTimeoutMs?: number;
  /** Deletes images that nobody uses; unset where none are. */
  readonly collector?: ImageCollector | undefined;
  readonly onEnd: EndListener;
  readonly log: Logger;
  readonly timers?: Timers;
}

/**
 * Tasks as plain processes: each in its own session and process group, in control groups where there are some, watched by a shell that survives the
 * agent and writes down how it ended.
 */
export class ProcessRuntime implements ContainerRuntime {
  readonly name = 'process';
  readonly usesSandbox = true;
  readonly keepsLimits: boolean;
  readonly sharesMachine: boolean;
  readonly isolation: ProcessIsolation;
  private readonly files: RunFiles;
  private readonly surroundings: Surroundings;
  private readonly sessions = new Sessions();
  private readonly watched = new Map<ContainerId, Watched>();
  private readonly timers: Timers;
  private watcher: FSWatcher | undefined;
  private cancelPoll: () => void = () => undefined;
  private closed = false;
  private leave: () => void = () => undefined;
  /** What ran was ended because the agent was away for too long. */
  private abandoned = false;

  constructor(private readonly options: ProcessRuntimeOptions) {
    this.files = new RunFiles(options.directory);
    this.surroundings = new Surroundings(options, this.files);
    this.timers = options.timers ?? systemTimers;
    this.keepsLimits = options.cgroups !== undefined;
    this.sharesMachine = options.sharesMachine === true;
    this.isolation =
      options.cgroups === undefined ? 'none' : options.isolation === undefined ? 'cgroups' : 'namespaces';
  }

  async recover(known: readonly KnownContainer[]): Promise<readonly RecoveredContainer[]> {
    for (const { containerId, groupId } of known)
      if (groupId !== undefined) this.options.cgroups?.adopt(containerId, groupId);
    await mkdir(this.options.directory, { recursive: true, mode: 0o700 });
    const meta = dirname(this.options.directory);
    // The new one before anything is looked for: from now on the former one ends nothing.
    this.guard(meta);
    this.abandoned = await wasAbandoned({ directory: meta, name: guardianName });
    this.watcher = watch(this.options.directory, (_, name) => {
      if (name?.endsWith(exitSuffix) === true) this.look(containerOf(name));
    });
    this.watcher.unref();
    this.plan();
    await this.options.networks?.recover(known);
    await this.options.pods?.recover(known);
    await this.endUnknown(new Set(known.map(({ containerId }) => containerId)));
    const found: RecoveredContainer[] = [];
    for (const container of known) {
      const one = await this.find(container);
      if (one.kind !== 'running') await this.leaveShared(container.containerId);
      found.push(one);
    }
    await this.options.networks?.sweep();
    await this.options.pods?.sweep();
    return found;
  }

  fetches(container: ContainerInfo | undefined): boolean {
    return hasImages(container);
  }

  fetch(spec: ContainerSpec, listener: FetchListener, signal: AbortSignal): Promise<void> {
    return this.surroundings.fetch(spec, listener, signal);
  }

  async start(given: ContainerSpec): Promise<ContainerFacts> {
    const { networks } = this.options;
    try {
      const spec = await inNetwork(networks, given);
      // Now: it may have ended, and left, by the time that it is known to have begun.
      const facts = networks?.of(given.containerId)?.facts;
      return { ...(await this.startProcess(spec)), ...facts };
    } catch (error) {
      await this.leaveShared(given.containerId);
      throw error;
    }
  }

  private async startProcess(spec: ContainerSpec): Promise<ContainerFacts> {
    const { containerId } = spec;
    const around = await this.surroundings.prepare(spec);
    const joins = [
      ...(this.options.cgroups?.create(containerId, spec.limits, spec.group) ?? []),
      ...(this.gpusFor(spec.limits)?.create(containerId, spec.limits.gpus ?? []) ?? []),
    ];
    const script = supervisorScript({
      ...this.options.programs,
      pidFile: this.files.pid(containerId),
      exitFile: this.files.exit(containerId),
      voidFile: this.files.void(containerId),
      joins,
      oomScore: oomScoreOf(spec.limits),
      stdout: join(spec.sandbox, 'stdout'),
      stderr: join(spec.sandbox, 'stderr'),
      ...around,
      secret: containerId,
    });
    try {
      const supervisor = spawnSupervisor(script, spec.name, spec.sandbox, () => this.look(containerId));
      await supervisor.started;
      const processes = await this.files.readPids(containerId);
      if (processes === undefined)
        throw new FailureError(failure('conflict', 'cannot start the task: its pid is not known'));
      this.watched.set(containerId, watchedOf(processes));
      // It may have ended before it was watched.
      this.look(containerId);
      return { pid: supervisor.pid };
    } catch (error) {
      await this.removeTraces(containerId);
      throw error;
    }
  }

  async terminate(containerId: ContainerId): Promise<void> {
    const container = this.watched.get(containerId);
    if (container === undefined) return;
    const { task } = container;
    const pids = this.options.cgroups?.pidsOf(containerId) ?? [];
    const input = this.files.input(containerId);
    if (existsSync(input)) {
      for (const pid of pids) if (!keepsTerminal(pid, input)) signal(pid, 'SIGTERM');
      return;
    }
    // While a member of the group lives its number cannot be given to another, but the task itself may be gone.
    if (isAlive(task)) signal(-task.pid, 'SIGTERM');
    for (const pid of pids) if (statOf(pid)?.group !== task.pid) signal(pid, 'SIGTERM');
  }

  async destroy(containerId: ContainerId): Promise<void> {
    const container = this.watched.get(containerId);
    if (container === undefined) return;
    container.destroyed = true;
    if (isAlive(container.task)) signal(-container.task.pid, 'SIGKILL');
    for (const pid of this.options.cgroups?.pidsOf(containerId) ?? []) signal(pid, 'SIGKILL');
  }

  async release(containerId: ContainerId): Promise<void> {
    const container = this.watched.get(containerId);
    if (container !== undefined) {
      await this.destroy(containerId);
      this.watched.delete(containerId);
      await this.clearUp(containerId, container, { kind: 'lost', message: 'Nobody waits for it' });
      await untilGone(container.supervisor);
    }
    await this.removeTraces(containerId);
  }

  async update(containerId: ContainerId, limits: ContainerLimits): Promise<void> {
    const { cgroups } = this.options;
    // A pod whose tasks have all ended, or none of which began, has no group.
    if (cgroups?.has(containerId) === true) cgroups.update(containerId, limits);
    this.gpusFor(limits)?.update(containerId, limits.gpus ?? []);
  }

  async run(given: ContainerSpec, signal: AbortSignal): Promise<RunResult> {
    const spec = withAddress(this.options.networks, given);
    const command = argvOf(spec, undefined);
    if (isFailure(command)) throw new FailureError(command);
    const container = this.watched.get(spec.containerId);
    if (container === undefined) throw new FailureError(failure('conflict', 'the task has ended'));
    const { enter, filter, cwd, environment } = await this.surroundings.beside(spec, container.task.pid);
    const script = besideScript({
      joins: this.joinsOf(spec.containerId),
      switchUser: enter,
      ...(filter !== undefined && { filter }),
      environment,
      ...command,
      cwd,
      secret: randomUUID(),
    });
    return runScript(script, spec.sandbox, signal);
  }

  usage(containerId: ContainerId): Promise<ContainerUsage | undefined> {
    const { cgroups, networks } = this.options;
    // A pod is watched by nobody, and has a group while one of its tasks runs.
    const usage = cgroups?.has(containerId) === true ? cgroups.usage(containerId) : undefined;
    const pid = networks?.of(containerId) === undefined ? undefined : cgroups?.pidsOf(containerId)[0];
    const network = pid === undefined ? undefined : networkUsageOf(pid);
    return Promise.resolve(usage === undefined || network === undefined ? usage : { ...usage, network });
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancelPoll();
    this.watcher?.close();
    await this.leaveDestroyed();
    this.options.networks?.close();
    this.leave();
    this.options.collector?.close();
    this.watched.clear();
    // Those of pods that nobody is in.
    for (const containerId of this.options.cgroups?.list() ?? []) this.options.cgroups?.remove(containerId);
    this.options.cgroups?.leave();
    this.options.gpus?.leave();
  }

  get networks(): ContainerRuntime['networks'] {
    return this.options.networks?.configs;
  }

  processesOf(containerId: ContainerId): readonly number[] {
    return this.options.cgroups?.pidsOf(containerId) ?? [];
  }

  enterNetwork(containerId: ContainerId): readonly string[] | undefined {
    return this.surroundings.enterNetwork(containerId);
  }

  async exec(
    given: ContainerSpec,
    command: readonly string[],
    terminal: WindowSize | undefined,
  ): Promise<ExecSession> {
    const spec = withAddress(this.options.networks, given);
    const container = this.watched.get(spec.containerId);
    if (container === undefined) throw new FailureError(failure('conflict', 'the task has ended'));
    const beside = await this.surroundings.beside(spec, container.task.pid);
    const joins = this.joinsOf(spec.containerId);
    return execSession({ ...beside, joins, command }, terminal);
  }

  attach(spec: ContainerSpec): Promise<AttachSession> {
    const container = this.watched.get(spec.containerId);
    if (container === undefined)
      return Promise.reject(new FailureError(failure('conflict', 'the task has ended')));
    return Promise.resolve(attachTo(this.files.input(spec.containerId), container.task.pid));
  }

  /** Who keeps gpus apart, unless nothing is said of gpus: then the container has none, and its agent gives out none. */
  private gpusFor({ gpus }: ContainerLimits): GpuKeeper | undefined {
    return gpus === undefined ? undefined : this.options.gpus;
  }

  private joinsOf(containerId: ContainerId): readonly string[] {
    const { cgroups, gpus } = this.options;
    return [...(cgroups?.joins(containerId) ?? []), ...(gpus?.joins(containerId) ?? [])];
  }

  /** Looks whether a container has ended, and if so clears up and tells. */
  private look(containerId: ContainerId): void {
    const container = this.watched.get(containerId);
    if (container === undefined || this.closed) return;
    container.again = true;
    if (container.looking) return;
    container.looking = true;
    container.again = false;
    this.conclude(containerId, container).then(
      () => {
        container.looking = false;
        if (container.again) this.look(containerId);
      },
      (error: unknown) => {
        container.looking = false;
        this.options.log.warn(
          { err: error, containerId },
          'could not clear up after a container; will try again',
        );
      },
    );
  }

  private async conclude(containerId: ContainerId, container: Watched): Promise<void> {
    let exit = await this.files.readExit(containerId);
    if (exit === undefined && !isAlive(container.supervisor)) {
      // Read once more: the supervisor writes, then ends.
      exit = (await this.files.readExit(containerId)) ?? {
        kind: 'lost',
        message: 'The supervisor of the task was killed',
      };
      if (isAlive(container.task)) signal(-container.task.pid, 'SIGKILL');
    }
    if (exit === undefined) return;
    const ended = await this.clearUp(containerId, container, exit);
    if (this.closed || !this.watched.delete(containerId)) return;
    this.options.onEnd(containerId, ended);
  }

  /** Ends what the task left behind, and asks the kernel whether memory was the reason. */
  private async clearUp(containerId: ContainerId, { task, oomKills }: Watched, exit: Exit): Promise<Exit> {
    const { cgroups } = this.options;
    if (cgroups === undefined) {
      await this.sessions.end(task.pid);
      return exit;
    }
    const kills = cgroups.oomKillsOf(containerId);
    const outOfMemory = isForMemory(exit, kills, oomKills[0]) ? cgroups.memoryOf(containerId) : undefined;
    for (let tries = 0; !cgroups.remove(containerId); tries++) {
      if (tries === emptyTries) throw new Error(`processes of container ${containerId} do not end`);
      for (const pid of cgroups.pidsOf(containerId)) signal(pid, 'SIGKILL');
      if (tries > 0) await pause(emptyWaitMs);
    }
    this.options.gpus?.remove(containerId);
    // Before its end is told: from then on its ports are another's.
    await this.leaveShared(containerId);
    return outOfMemory === undefined ? exit : { kind: 'outOfMemory', ...outOfMemory };
  }

  private guard(directory: string): void {
    const { cgroups, recoveryTimeoutMs } = this.options;
    if (cgroups !== undefined && recoveryTimeoutMs !== undefined)
      this.leave = startGuardian({
        directory,
        name: guardianName,
        // Of containers, and of those in the groups of pods.
        lists: ['*/cgroup.procs', '*/*/cgroup.procs'].map((pattern) => ({
          directory: cgroups.home,
          pattern,
        })),
        timeoutMs: recoveryTimeoutMs,
      });
  }

  private async find(container: KnownContainer): Promise<RecoveredContainer> {
    const found = await this.lookFor(container);
    return this.abandoned && found.kind === 'ended' ? { ...found, exit: abandonedExit(found.exit) } : found;
  }

  private async lookFor({ containerId, ran, isGroup }: KnownContainer): Promise<RecoveredContainer> {
    if (isGroup === true) return { kind: 'running', facts: {} };
    const exit = await this.files.readExit(containerId);
    const processes = await this.files.readPids(containerId);
    if (
      exit === undefined &&
      processes !== undefined &&
      (isAlive(processes.task) || isAlive(processes.supervisor))
    ) {
      const kills = this.options.cgroups?.oomKillsOf(containerId) ?? 0;
      this.watched.set(containerId, watchedOf(processes, kills));
      this.look(containerId);
      const { facts } = this.options.networks?.of(containerId) ?? {};
      return { kind: 'running', facts: { pid: processes.supervisor.pid, ...facts } };
    }
    const late = exit ?? (await this.files.readExit(containerId));
    if (late !== undefined && processes !== undefined) {
      // The supervisor has ended the task's group; what left the group is still in its control group.
      const ended = await this.clearUp(containerId, watchedOf(processes), late);
      return { kind: 'ended', exit: ended };
    }
    if (processes !== undefined || ran) {
      return {
        kind: 'ended',
        exit: { kind: 'lost', message: 'The task ended while the agent was away, and nobody saw how' },
      };
    }
    // A supervisor that has not got that far yet finds this and does not begin; one that was quicker is found by the second look.
    await writeFile(this.files.void(containerId), '');
    return (await this.files.readPids(containerId)) === undefined
      ? { kind: 'neverStarted' }
      : this.lookFor({ containerId, ran: true, sandbox: '' });
  }

  /** What a container has together with others: it goes with the last of them. */
  private async leaveShared(containerId: ContainerId): Promise<void> {
    await this.options.networks?.leave(containerId);
    await this.options.pods?.leave(containerId);
  }

  /** What was ended last gives its networks back still: the agent may never come back (G19). */
  private async leaveDestroyed(): Promise<void> {
    const { networks, pods } = this.options;
    for (const [containerId, { task, destroyed }] of this.watched) {
      if (destroyed !== true || !(networks?.of(containerId) !== undefined || pods?.has(containerId) === true))
        continue;
      await untilGone(task);
      await this.leaveShared(containerId);
    }
  }

  /** Containers of this agent of which it has no record: nobody waits for them. */
  private async endUnknown(known: ReadonlySet<ContainerId>): Promise<void> {
    const names = await readdir(this.options.directory);
    const unknown = new Set<ContainerId>();
    for (const name of names) {
      const id = containerOf(name);
      if (!known.has(id)) unknown.add(id);
    }
    for (const id of this.options.cgroups?.list() ?? []) if (!known.has(id)) unknown.add(id);
    for (const containerId of unknown) {
      const processes = await this.files.readPids(containerId);
      if (processes !== undefined && isAlive(processes.task)) signal(-processes.task.pid, 'SIGKILL');
      for (const pid of this.options.cgroups?.pidsOf(containerId) ?? []) signal(pid, 'SIGKILL');
      if (processes !== undefined) await untilGone(processes.supervisor);
      await this.removeTraces(containerId);
      this.options.log.info({ containerId }, 'ended a container that nobody knows of');
    }
  }

  private async removeTraces(containerId: ContainerId): Promise<void> {
    this.options.cgroups?.remove(containerId);
    this.options.gpus?.remove(containerId);
    for (const file of this.files.traces(containerId)) await unlink(file).catch(() => undefined);
    await rm(this.files.void(containerId), { force: true });
  }

  private plan(): void {
    this.cancelPoll = this.timers.after(pollMs, () => {
      const { cgroups } = this.options;
      for (const [containerId, container] of this.watched) {
        if (cgroups !== undefined)
          container.oomKills = [container.oomKills[1], cgroups.oomKillsOf(containerId)];
        this.look(containerId);
      }
      cgroups?.retry();
      this.plan();
    });
  }
}

function watchedOf(processes: ContainerProcesses, kills = 0): Watched {
  return { ...processes, looking: false, again: false, oomKills: [kills, kills] };
}

/**
 * Whether it was for want of memory that a container ended. One may survive that the kernel ends a part of it, and fail much later for a reason of its
 * own: unless it was ended as the kernel does it, what happened long ago does not count.
 *
 * @param before how often the kernel had ended something of it a while ago
 */
function isForMemory(exit: Exit, kills: number, before: number): boolean {
  switch (exit.kind) {
    case 'exited':
      // A shell whose program was killed tells 128 and the signal's number.
      return exit.status === 128 + 9 ? kills > 0 : exit.status !== 0 && kills > before;
    case 'signaled':
      return exit.signal === 'SIGKILL' ? kills > 0 : kills > before;
    case 'outOfMemory':
    case 'lost':
      return kills > before;
  }
}

/** Waits for a process to end, for a second at most. A supervisor writes one more file when its task has ended. */
async function untilGone(process: ProcessName): Promise<void> {
  for (let tries = 0; isAlive(process) && tries < emptyTries; tries++) await pause(emptyWaitMs);
}
