import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, watch, writeFileSync, type FSWatcher } from 'node:fs';
import { access, chmod, chown, mkdir, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { containerId as asContainerId, failure, isFailure, type ContainerId } from '@meseta/model';
import { FailureError, systemTimers, type Logger, type Timers } from '@meseta/kit';
import type { Exit } from '../../state/command';
import type { ContainerFacts } from '../../state/state';
import type { GpuKeeper } from '../../gpu/gpu-keeper';
import type { Cgroups } from '../cgroups/cgroups';
import type {
  AttachSession,
  ContainerLimits,
  ContainerRuntime,
  ContainerSpec,
  ContainerUsage,
  EndListener,
  ExecSession,
  KnownContainer,
  ProcessIsolation,
  RecoveredContainer,
  RunResult,
  WindowSize,
} from '../container-runtime';
import type { Networks } from '../../network/networks';
import { sandboxInContainer } from '../../sandbox/paths';
import type { Filters } from '../../seccomp/filters';
import { signalName } from '../signals';
import { argvOf } from './command';
import { execSession } from './exec-session';
import { exitSuffix, RunFiles } from './layout';
import { childOf, isAlive, processesOfSessions, signal, statOf, type ProcessName } from './proc';
import { namespaces, type Isolation } from './isolation';
import { mountTable, overOf, tmpOf } from './mount-table';
import { inNetwork, withAddress } from './in-network';
import { linkMounts, makeFileTargets } from './mounts';
import { capabilitiesOf, privilegeWords } from './privileges';
import { runScript } from './run-script';
import { besideScript, supervisorScript, type IsolationPlan } from './script';
import { spawnSupervisor } from './spawn';
import { attachTo, keepsTerminal, makeTerminal, sizeDefault, type Terminal } from './terminal';
import { findUser, ownUser, type User } from './users';

/** How often the exit files are looked for even if nobody told of one. */
const pollMs = 5_000;
/** How often, and how many times, a group is asked to be empty before it is left for the next look. */
const emptyWaitMs = 10;
const emptyTries = 100;

interface Watched {
  /** The task: also the number of its process group and of its session. */
  readonly task: ProcessName;
  readonly supervisor: ProcessName;
  /** Its exit file is being looked for, or its end cleared up after; one look at a time. */
  looking: boolean;
  /** Look again: something happened meanwhile. */
  again: boolean;
  /** Its end was ordered. */
  destroyed?: true;
}

/** How a task is isolated. */
interface Isolated {
  /** What takes away what it is not to have. */
  readonly words: readonly string[];
  readonly plan: IsolationPlan;
  readonly filter: string | undefined;
}

/** The programs of this machine that the runtime stands on. */
export interface ProcessPrograms {
  readonly setsid: string;
  readonly mv: string;
  /** Needed only to run a task as another user. */
  readonly setpriv: string | undefined;
}

export interface ProcessRuntimeOptions {
  /** Where supervisors write; the agent's alone. */
  readonly directory: string;
  readonly programs: ProcessPrograms;
  readonly cgroups: Cgroups | undefined;
  /** Unset where tasks share all of the machine but its control groups. */
  readonly isolation?: Isolation | undefined;
  /** What tasks may have of root's powers at most; lower case. */
  readonly capabilities: readonly string[];
  /** Unset filters nothing. */
  readonly filters?: Filters | undefined;
  /** Where images lie unpacked, if there are any. */
  readonly imageDirectory?: string | undefined;
  /** Unset on a machine without gpus. */
  readonly gpus?: GpuKeeper | undefined;
  /** Unset where tasks cannot be isolated. */
  readonly networks?: Networks | undefined;
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
  readonly isolation: ProcessIsolation;
  private readonly files: RunFiles;
  private readonly watched = new Map<ContainerId, Watched>();
  private readonly timers: Timers;
  private watcher: FSWatcher | undefined;
  private cancelPoll: () => void = () => undefined;
  private closed = false;

  constructor(private readonly options: ProcessRuntimeOptions) {
    this.files = new RunFiles(options.directory);
    this.timers = options.timers ?? systemTimers;
    this.keepsLimits = options.cgroups !== undefined;
    this.isolation =
      options.cgroups === undefined ? 'none' : options.isolation === undefined ? 'cgroups' : 'namespaces';
  }

  async recover(known: readonly KnownContainer[]): Promise<readonly RecoveredContainer[]> {
    for (const { containerId, groupId } of known)
      if (groupId !== undefined) this.options.cgroups?.adopt(containerId, groupId);
    await mkdir(this.options.directory, { recursive: true, mode: 0o700 });
    this.watcher = watch(this.options.directory, (_, name) => {
      if (name?.endsWith(exitSuffix) === true) this.look(asContainerId(name.slice(0, -exitSuffix.length)));
    });
    this.watcher.unref();
    this.plan();
    await this.options.networks?.recover(known);
    await this.endUnknown(new Set(known.map(({ containerId }) => containerId)));
    const found: RecoveredContainer[] = [];
    for (const container of known) {
      const one = await this.find(container);
      if (one.kind !== 'running') await this.options.networks?.leave(container.containerId);
      found.push(one);
    }
    await this.options.networks?.sweep();
    return found;
  }

  async start(given: ContainerSpec): Promise<ContainerFacts> {
    const { networks } = this.options;
    try {
      const spec = await inNetwork(networks, given);
      // Now: it may have ended, and left, by the time that it is known to have begun.
      const facts = networks?.of(given.containerId)?.facts;
      return { ...(await this.startProcess(spec)), ...facts };
    } catch (error) {
      await networks?.leave(given.containerId);
      throw error;
    }
  }

  private async startProcess(spec: ContainerSpec): Promise<ContainerFacts> {
    const { containerId } = spec;
    const command = argvOf(spec);
    if (isFailure(command)) throw new FailureError(command);
    const user = await this.prepareSandbox(spec);
    const image = await this.imageOf(spec);
    const isolated = await this.isolate(spec, user, image);
    const terminal = await this.terminalOf(spec);
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
      stdout: join(spec.sandbox, 'stdout'),
      stderr: join(spec.sandbox, 'stderr'),
      switchUser: isolated?.words ?? (user === undefined ? [] : this.wordsFor(user)),
      environment: spec.environment,
      ...command,
      ...(image !== undefined && { cwd: sandboxInContainer }),
      ...(isolated !== undefined && { isolation: isolated.plan }),
      ...(terminal !== undefined && { terminal }),
      ...(isolated?.filter !== undefined && { filter: isolated.filter }),
      secret: containerId,
    });
    try {
      const supervisor = spawnSupervisor(script, spec.name, spec.sandbox, () => this.look(containerId));
      await supervisor.started;
      const processes = await this.readPids(containerId);
      if (processes === undefined)
        throw new FailureError(failure('conflict', 'cannot start the task: its pid is not known'));
      this.watched.set(containerId, { ...processes, looking: false, again: false });
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
    this.watched.delete(containerId);
    await this.removeTraces(containerId);
  }

  update(containerId: ContainerId, limits: ContainerLimits): Promise<void> {
    this.options.cgroups?.update(containerId, limits);
    this.gpusFor(limits)?.update(containerId, limits.gpus ?? []);
    return Promise.resolve();
  }

  async run(given: ContainerSpec, signal: AbortSignal): Promise<RunResult> {
    const spec = withAddress(this.options.networks, given);
    const command = argvOf(spec);
    if (isFailure(command)) throw new FailureError(command);
    const container = this.watched.get(spec.containerId);
    if (container === undefined) throw new FailureError(failure('conflict', 'the task has ended'));
    const user = await this.otherUserOf(spec);
    const image = await this.imageOf(spec);
    const filter = await this.filterOf(spec);
    const script = besideScript({
      joins: this.joinsOf(spec.containerId),
      switchUser: await this.wordsBeside(spec, container, user, image, filter),
      ...(filter !== undefined && { filter }),
      environment: spec.environment,
      ...command,
      cwd: image === undefined ? spec.sandbox : sandboxInContainer,
      secret: randomUUID(),
    });
    return runScript(script, spec.sandbox, signal);
  }

  usage(containerId: ContainerId): Promise<ContainerUsage | undefined> {
    const { cgroups } = this.options;
    return Promise.resolve(this.watched.has(containerId) ? cgroups?.usage(containerId) : undefined);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancelPoll();
    this.watcher?.close();
    await this.leaveNetworks();
    this.options.networks?.close();
    this.watched.clear();
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
    const joined = this.options.networks?.of(containerId);
    if (joined === undefined) return undefined;
    return [this.options.isolation?.programs.nsenter ?? 'nsenter', `--net=${joined.namespace}`, '--'];
  }

  async exec(
    given: ContainerSpec,
    command: readonly string[],
    terminal: WindowSize | undefined,
  ): Promise<ExecSession> {
    const spec = withAddress(this.options.networks, given);
    const container = this.watched.get(spec.containerId);
    if (container === undefined) throw new FailureError(failure('conflict', 'the task has ended'));
    const user = await this.otherUserOf(spec);
    const image = await this.imageOf(spec);
    const filter = await this.filterOf(spec);
    return execSession(
      {
        enter: await this.wordsBeside(spec, container, user, image, filter),
        filter,
        joins: this.joinsOf(spec.containerId),
        environment: spec.environment,
        cwd: image === undefined ? spec.sandbox : sandboxInContainer,
        command,
      },
      terminal,
    );
  }

  attach(spec: ContainerSpec): Promise<AttachSession> {
    const container = this.watched.get(spec.containerId);
    if (container === undefined)
      return Promise.reject(new FailureError(failure('conflict', 'the task has ended')));
    return Promise.resolve(attachTo(this.files.input(spec.containerId), container.task.pid));
  }

  /** The terminal that a task asks for. Only in control groups is all that runs on it found again. */
  private async terminalOf({ containerId, container }: ContainerSpec): Promise<Terminal | undefined> {
    const info = container?.ttyInfo;
    if (info === undefined) return undefined;
    if (this.options.cgroups === undefined)
      throw new FailureError(
        failure('denied', 'tty_info needs an agent with control groups', { field: 'container.tty_info' }),
      );
    const { rows = sizeDefault.rows, columns = sizeDefault.columns } = info.windowSize ?? {};
    return makeTerminal(this.files.input(containerId), { rows, columns });
  }

  /** The words that bring a command to where a task is, and make it no mightier than that. */
  private async wordsBeside(
    spec: ContainerSpec,
    { task }: Watched,
    user: User | undefined,
    image: string | undefined,
    filter: string | undefined,
  ): Promise<readonly string[]> {
    const { isolation, cgroups, capabilities } = this.options;
    if (isolation === undefined || cgroups === undefined)
      return user === undefined ? [] : this.wordsFor(user);
    const first = await childOf(task.pid);
    if (first === undefined) throw new FailureError(failure('conflict', 'the task has ended'));
    const root = image === undefined ? undefined : isolation.root;
    const words = privilegeWords(isolation, spec.container, user, capabilities, root, filter !== undefined);
    if ('failure' in words) throw new FailureError(words);
    const enter = ['--mount', '--pid', '--ipc', '--uts', '--net'];
    return [isolation.programs.nsenter, `--target=${first}`, ...enter, '--', ...words];
  }

  /** Gives the sandbox and the volumes of a task to its user. @returns the user, unless it is the agent's own */
  private async prepareSandbox(spec: ContainerSpec): Promise<User | undefined> {
    await chmod(spec.sandbox, 0o750);
    const user = await this.otherUserOf(spec);
    if (user === undefined) return undefined;
    await chown(spec.sandbox, user.uid, user.gid);
    for (const { source, isVolume } of spec.mounts) if (isVolume) await chown(source, user.uid, user.gid);
    return user;
  }

  /** Where the task's image lies unpacked; undefined for a task without one. */
  private async imageOf({ container }: ContainerSpec): Promise<string | undefined> {
    const image = container?.mesos?.image;
    if (image === undefined) return undefined;
    const { imageDirectory, isolation } = this.options;
    const name = image.docker?.name ?? image.appc?.name ?? '';
    const refuse = (why: string): FailureError =>
      new FailureError(failure('conflict', `no image '${name}': ${why}`, { field: 'container.mesos.image' }));
    if (isolation === undefined) throw refuse('this agent does not isolate tasks');
    if (imageDirectory === undefined) throw refuse('this agent has no images (--image-directory)');
    const root = join(imageDirectory, name, 'rootfs');
    if (name === '' || !root.startsWith(`${join(imageDirectory)}/`)) throw refuse('its name leads elsewhere');
    await access(root).catch(() => {
      throw refuse(`there is no ${root}`);
    });
    return root;
  }

  /** What isolates a task; without control groups, by which all of it is found again, nothing does. */
  private async isolate(
    spec: ContainerSpec,
    user: User | undefined,
    image: string | undefined,
  ): Promise<Isolated | undefined> {
    const { isolation, cgroups, capabilities } = this.options;
    const dev = this.gpusFor(spec.limits)?.deviceFolder(spec.containerId, spec.limits.gpus ?? []);
    if (isolation === undefined || cgroups === undefined) {
      const { linuxInfo, rlimitInfo, hostname } = spec.container ?? {};
      if (linuxInfo !== undefined || rlimitInfo !== undefined || hostname)
        throw new FailureError(
          failure('denied', 'linux_info, rlimit_info and hostname need an agent that isolates tasks', {
            field: 'container',
          }),
        );
      await linkMounts(spec);
      return undefined;
    }
    const root = image === undefined ? undefined : isolation.root;
    const filter = await this.filterOf(spec);
    const words = privilegeWords(isolation, spec.container, user, capabilities, root, filter !== undefined);
    if ('failure' in words) throw new FailureError(words);
    // Three calls of microseconds each: see control groups.
    const tmp = tmpOf(spec.sandbox);
    mkdirSync(tmp, { recursive: true });
    chmodSync(tmp, 0o1777);
    if (image !== undefined)
      for (const name of ['upper', 'work']) mkdirSync(join(overOf(spec.sandbox), name), { recursive: true });
    if (spec.mounts.length > 0)
      await makeFileTargets(spec, image === undefined ? undefined : overOf(spec.sandbox));
    const table = this.files.table(spec.containerId);
    writeFileSync(table, mountTable({ ...isolation, dev: dev ?? isolation.dev }, spec, image), {
      mode: 0o600,
    });
    const { unshare, mount, setsid } = isolation.programs;
    const hostname = this.options.networks?.of(spec.containerId)?.hostname ?? spec.container?.hostname;
    const plan: IsolationPlan = {
      unshare: [...(this.enterNetwork(spec.containerId) ?? []), unshare, ...namespaces, '--'],
      mount,
      table,
      // What a task sees of an image is its own.
      readOnly: image === undefined ? isolation.fileSystems : [],
      cwd: spec.sandbox,
      ...(root !== undefined && { root }),
      ...(hostname !== undefined && hostname !== '' && { hostname }),
    };
    return { words: [setsid, ...words], plan, filter };
  }

  /** The program that filters the system calls of a task, and of all that is run beside it. */
  private async filterOf({ container }: ContainerSpec): Promise<string | undefined> {
    const { isolation, filters, capabilities } = this.options;
    if (isolation === undefined || filters === undefined) return undefined;
    const own = capabilitiesOf(container, capabilities);
    if ('failure' in own) throw new FailureError(own);
    return filters.fileOf(container?.linuxInfo?.seccomp, own.bounding);
  }

  /** Who keeps gpus apart, unless nothing is said of gpus: then the container has none, and its agent gives out none. */
  private gpusFor({ gpus }: ContainerLimits): GpuKeeper | undefined {
    return gpus === undefined ? undefined : this.options.gpus;
  }

  private joinsOf(containerId: ContainerId): readonly string[] {
    const { cgroups, gpus } = this.options;
    return [...(cgroups?.joins(containerId) ?? []), ...(gpus?.joins(containerId) ?? [])];
  }

  private wordsFor(user: User): readonly string[] {
    const setpriv = this.options.programs.setpriv ?? 'setpriv';
    return [setpriv, `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--'];
  }

  /** The user to become; undefined to stay who the agent is. */
  private async otherUserOf(spec: ContainerSpec): Promise<User | undefined> {
    const own = ownUser();
    if (spec.user === undefined || spec.user === own.name) return undefined;
    const refuse = (why: string): FailureError =>
      new FailureError(failure('denied', `cannot run as user '${spec.user}': ${why}`, { field: 'user' }));
    if (own.uid !== 0) throw refuse(`the agent runs as '${own.name}', not as root`);
    if (this.options.programs.setpriv === undefined) throw refuse('the agent has no setpriv');
    const user = await findUser(spec.user);
    if (isFailure(user)) throw new FailureError(user);
    return user;
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
    let exit = await this.readExit(containerId);
    if (exit === undefined && !isAlive(container.supervisor)) {
      // Read once more: the supervisor writes, then ends.
      exit = (await this.readExit(containerId)) ?? {
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
  private async clearUp(containerId: ContainerId, { task }: Watched, exit: Exit): Promise<Exit> {
    const { cgroups } = this.options;
    if (cgroups === undefined) {
      await this.endSession(task.pid);
      return exit;
    }
    const outOfMemory = cgroups.outOfMemory(containerId);
    for (let tries = 0; !cgroups.remove(containerId); tries++) {
      if (tries === emptyTries) throw new Error(`processes of container ${containerId} do not end`);
      for (const pid of cgroups.pidsOf(containerId)) signal(pid, 'SIGKILL');
      if (tries > 0) await pause(emptyWaitMs);
    }
    this.options.gpus?.remove(containerId);
    // Before its end is told: from then on its ports are another's.
    await this.options.networks?.leave(containerId);
    const failed = exit.kind !== 'exited' || exit.status !== 0;
    return outOfMemory !== undefined && failed ? { kind: 'outOfMemory', ...outOfMemory } : exit;
  }

  private sessionsToEnd = new Set<number>();
  private endingSessions: Promise<void> = Promise.resolve();

  /** Without control groups a task is its session. All that end while a look at the machine's processes is under way share the next. */
  private endSession(session: number): Promise<void> {
    this.sessionsToEnd.add(session);
    if (this.sessionsToEnd.size > 1) return this.endingSessions;
    this.endingSessions = this.endingSessions.then(async () => {
      const sessions = this.sessionsToEnd;
      this.sessionsToEnd = new Set();
      for (const pid of await processesOfSessions(sessions)) signal(pid, 'SIGKILL');
    });
    return this.endingSessions;
  }

  private async find({ containerId, ran, isGroup }: KnownContainer): Promise<RecoveredContainer> {
    if (isGroup === true) return { kind: 'running', facts: {} };
    const exit = await this.readExit(containerId);
    const processes = await this.readPids(containerId);
    if (
      exit === undefined &&
      processes !== undefined &&
      (isAlive(processes.task) || isAlive(processes.supervisor))
    ) {
      this.watched.set(containerId, { ...processes, looking: false, again: false });
      this.look(containerId);
      const { facts } = this.options.networks?.of(containerId) ?? {};
      return { kind: 'running', facts: { pid: processes.supervisor.pid, ...facts } };
    }
    const late = exit ?? (await this.readExit(containerId));
    if (late !== undefined && processes !== undefined) {
      // The supervisor has ended the task's group; what left the group is still in its control group.
      const ended = await this.clearUp(containerId, { ...processes, looking: true, again: false }, late);
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
    return (await this.readPids(containerId)) === undefined
      ? { kind: 'neverStarted' }
      : this.find({ containerId, ran: true, sandbox: '' });
  }

  /** What was ended last gives its networks back still: the agent may never come back (G19). */
  private async leaveNetworks(): Promise<void> {
    for (const [containerId, { task, destroyed }] of this.watched) {
      if (destroyed !== true || this.enterNetwork(containerId) === undefined) continue;
      for (let tries = 0; isAlive(task) && tries < emptyTries; tries++) await pause(emptyWaitMs);
      await this.options.networks?.leave(containerId);
    }
  }

  /** Containers of this agent of which it has no record: nobody waits for them. */
  private async endUnknown(known: ReadonlySet<ContainerId>): Promise<void> {
    const names = await readdir(this.options.directory);
    const unknown = new Set<ContainerId>();
    for (const name of names) {
      const id = asContainerId(name.replace(/\.(pid|exit|void|table|input|dev|exit\.tmp)$/, ''));
      if (!known.has(id)) unknown.add(id);
    }
    for (const id of this.options.cgroups?.list() ?? []) if (!known.has(id)) unknown.add(id);
    for (const containerId of unknown) {
      const processes = await this.readPids(containerId);
      if (processes !== undefined && isAlive(processes.task)) signal(-processes.task.pid, 'SIGKILL');
      for (const pid of this.options.cgroups?.pidsOf(containerId) ?? []) signal(pid, 'SIGKILL');
      // Its supervisor writes one more file when it sees the end.
      for (
        let tries = 0;
        processes !== undefined && isAlive(processes.supervisor) && tries < emptyTries;
        tries++
      )
        await pause(emptyWaitMs);
      await this.removeTraces(containerId);
      this.options.log.info({ containerId }, 'ended a container that nobody knows of');
    }
  }

  private async readPids(
    containerId: ContainerId,
  ): Promise<{ task: ProcessName; supervisor: ProcessName } | undefined> {
    const text = await readFile(this.files.pid(containerId), 'utf8').catch(() => '');
    const [pid, startTime, supervisorPid, supervisorStart] = text.split(/\s/).map(Number);
    if (!text.endsWith('\n') || !pid || !startTime || !supervisorPid || !supervisorStart) return undefined;
    return { task: { pid, startTime }, supervisor: { pid: supervisorPid, startTime: supervisorStart } };
  }

  private async readExit(containerId: ContainerId): Promise<Exit | undefined> {
    const text = await readFile(this.files.exit(containerId), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : exitOf(Number(text));
  }

  private async removeTraces(containerId: ContainerId): Promise<void> {
    this.options.cgroups?.remove(containerId);
    this.options.gpus?.remove(containerId);
    for (const file of this.files.traces(containerId)) await unlink(file).catch(() => undefined);
    await rm(this.files.void(containerId), { force: true });
  }

  private plan(): void {
    this.cancelPoll = this.timers.after(pollMs, () => {
      for (const containerId of this.watched.keys()) this.look(containerId);
      this.plan();
    });
  }
}

function exitOf(status: number): Exit {
  const name = signalName(status);
  return name === undefined ? { kind: 'exited', status } : { kind: 'signaled', signal: name };
}
