import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { chmod, chown } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, isFailure, type ContainerId } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { GpuKeeper } from '../../gpu/gpu-keeper';
import type { StoredImage } from '../../images/image-store';
import type { Networks } from '../../network/networks';
import { clearOutputs } from '../../sandbox/open';
import { sandboxInContainer } from '../../sandbox/paths';
import type { Filters } from '../../seccomp/filters';
import type { Cgroups } from '../cgroups/cgroups';
import type { ContainerSpec, FetchListener } from '../container-runtime';
import { argvOf, type Argv } from './command';
import { namespacesOf, type Isolation } from './isolation';
import type { RunFiles } from './layout';
import { machineShm, mountTable, overOf, overOfVolume, tmpOf } from './mount-table';
import { linkMounts, makeFileTargets } from './mounts';
import type { PodNamespaces, PodPlace } from './pod-namespaces';
import { capabilitiesOf, privilegeWords } from './privileges';
import { childOf } from './proc';
import { defaultPath } from './programs';
import { RunImages, hasImages, type ContainerImages, type RunImagesOptions } from './run-images';
import type { IsolationPlan, SupervisorPlan } from './script';
import { makeTerminal, sizeDefault, type Terminal } from './terminal';
import { withSources } from './sources';
import { findUser, ownUser, type User } from './users';

/** The programs of this machine that the runtime stands on. */
export interface ProcessPrograms {
  readonly setsid: string;
  readonly mv: string;
  /** Needed only to run a task as another user. */
  readonly setpriv: string | undefined;
}

/** What surrounds the tasks of one agent. */
export interface SurroundingsOptions {
  readonly programs: ProcessPrograms;
  readonly cgroups: Cgroups | undefined;
  /** Unset where tasks share all of the machine but its control groups. */
  readonly isolation?: Isolation | undefined;
  /** What tasks may have of root's powers at most; lower case. */
  readonly capabilities: readonly string[];
  /** Unset filters nothing. */
  readonly filters?: Filters | undefined;
  /** Unset where there are none. */
  readonly images?: RunImagesOptions | undefined;
  /** Unset on a machine without gpus. */
  readonly gpus?: GpuKeeper | undefined;
  /** Unset where tasks cannot be isolated. */
  readonly networks?: Networks | undefined;
  /** Unset where tasks cannot be isolated. */
  readonly pods?: PodNamespaces | undefined;
}

/** How a task is isolated. */
interface Isolated {
  /** What takes away what it is not to have. */
  readonly words: readonly string[];
  readonly plan: IsolationPlan;
  readonly filter: string | undefined;
}

/** What is run beside a task finds itself where the task is. */
export interface Beside {
  /** Words that bring it there, and make it no mightier than the task; empty to stay. */
  readonly enter: readonly string[];
  readonly filter: string | undefined;
  /** Where it begins, as it sees it. */
  readonly cwd: string;
  readonly environment: ReadonlyMap<string, string>;
}

/** What tasks run in: who they are, what they see, what they may do. */
export class Surroundings {
  private readonly images: RunImages;

  constructor(
    private readonly options: SurroundingsOptions,
    private readonly files: RunFiles,
  ) {
    this.images = new RunImages(options.images ?? {}, files);
  }

  /** Brings the image of a container, if it has one. */
  fetch(spec: ContainerSpec, listener: FetchListener, signal: AbortSignal): Promise<void> {
    return this.images.fetch(spec, listener, signal);
  }

  /**
   * Makes what a task runs in.
   *
   * @returns the part of the supervisor's plan that is about it
   * @throws FailureError for what this agent does not give, naming the field
   */
  async prepare(
    given: ContainerSpec,
  ): Promise<
    Pick<SupervisorPlan, 'switchUser' | 'cwd' | 'isolation' | 'terminal' | 'filter' | 'environment'> & Argv
  > {
    const { isolation } = this.options;
    const own = isolation === undefined ? [] : [isolation.workDir, ...isolation.sockets];
    const made: string[] = [];
    const spec = withSources(given, own, (path) => made.push(path));
    const { root: found, volumes } = await this.imagesOf(spec);
    const environment = environmentOf(spec, found);
    const command = argvOf({ command: spec.command, environment }, found?.config);
    if (isFailure(command)) throw new FailureError(command);
    const user = await this.prepareSandbox(spec, made);
    const image = found?.layers.join(':');
    const isolated = await this.isolate(spec, user, image, volumes);
    const terminal = await this.terminalOf(spec);
    return {
      switchUser: isolated?.words ?? (user === undefined ? [] : this.wordsFor(user)),
      ...command,
      environment,
      ...(found !== undefined && { cwd: found.config.workingDirectory ?? sandboxInContainer }),
      ...(isolated !== undefined && { isolation: isolated.plan }),
      ...(isolated?.filter !== undefined && { filter: isolated.filter }),
      ...(terminal !== undefined && { terminal }),
    };
  }

  /** How something is run beside a task. */
  async beside(spec: ContainerSpec, taskPid: number): Promise<Beside> {
    const user = await this.otherUserOf(spec);
    const { root: found } = await this.imagesOf(spec);
    const image = found?.layers.join(':');
    const filter = await this.filterOf(spec);
    return {
      enter: await this.wordsBeside(spec, taskPid, user, image, filter),
      filter,
      cwd: found === undefined ? spec.sandbox : (found.config.workingDirectory ?? sandboxInContainer),
      environment: environmentOf(spec, found),
    };
  }

  /** The words that bring a program into a container's network; undefined for one that is on the machine's. */
  enterNetwork(containerId: ContainerId): readonly string[] | undefined {
    const joined = this.options.networks?.of(containerId);
    if (joined === undefined) return undefined;
    return [this.options.isolation?.programs.nsenter ?? 'nsenter', `--net=${joined.namespace}`, '--'];
  }

  /** What a task shares with others of its pod; undefined for one that shares nothing with them. */
  private async podPlaceOf({ containerId, group, shares }: ContainerSpec): Promise<PodPlace | undefined> {
    if (group === undefined || (shares?.pid !== 'pod' && shares?.ipc !== 'pod')) return undefined;
    return this.options.pods?.join(containerId, group.containerId, shares.shmMegabytes);
  }

  /** The words that bring what comes after them into the namespaces of its pod. */
  private enterPod({ shares }: ContainerSpec, place: PodPlace | undefined): readonly string[] {
    if (place === undefined) return [];
    const names = (['pid', 'ipc'] as const).filter((name) => shares?.[name] === 'pod');
    // It would wait for what it runs, and be in the way of signals; of processes, it is the next child that is in the namespace.
    const words = [...names.map((name) => `--${name}=/proc/${place.pid}/ns/${name}`), '--no-fork', '--'];
    return [this.options.isolation?.programs.nsenter ?? 'nsenter', ...words];
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
    taskPid: number,
    user: User | undefined,
    image: string | undefined,
    filter: string | undefined,
  ): Promise<readonly string[]> {
    const { isolation, cgroups } = this.options;
    if (isolation === undefined || cgroups === undefined)
      return user === undefined ? [] : this.wordsFor(user);
    const first = await childOf(taskPid);
    if (first === undefined) throw new FailureError(failure('conflict', 'the task has ended'));
    const words = this.limited(isolation, spec, user, image, filter);
    const enter = ['--mount', '--pid', '--ipc', '--uts', '--net'];
    return [isolation.programs.nsenter, `--target=${first}`, ...enter, '--', ...words];
  }

  /** The words that take away what a task is not to have, and what is run beside it is not. */
  private limited(
    isolation: Isolation,
    { container }: ContainerSpec,
    user: User | undefined,
    image: string | undefined,
    filter: string | undefined,
  ): readonly string[] {
    const root = image === undefined ? undefined : isolation.root;
    const { capabilities } = this.options;
    const words = privilegeWords(isolation, container, user, capabilities, root, filter !== undefined);
    if ('failure' in words) throw new FailureError(words);
    return words;
  }

  /**
   * Gives the sandbox and the volumes of a task to its user.
   *
   * @param made folders of sandboxes that were made for it
   * @returns the user, unless it is the agent's own
   */
  private async prepareSandbox(spec: ContainerSpec, made: readonly string[]): Promise<User | undefined> {
    await chmod(spec.sandbox, 0o750);
    await clearOutputs(spec.sandbox);
    const user = await this.otherUserOf(spec);
    const { uid = 0, gid = 0 } = user ?? { uid: process.getuid?.(), gid: process.getgid?.() };
    // Of its last user a volume may be another's (R44).
    if (ownUser().uid === 0)
      for (const { source, isVolume } of spec.mounts) if (isVolume) await chown(source, uid, gid);
    if (user !== undefined) for (const path of [spec.sandbox, ...made]) await chown(path, uid, gid);
    return user;
  }

  /** The images of a task. */
  private async imagesOf(spec: ContainerSpec): Promise<ContainerImages> {
    if (hasImages(spec.container) && this.options.isolation === undefined)
      throw new FailureError(
        failure('denied', 'images need an agent that isolates tasks', { field: 'container' }),
      );
    return this.images.of(spec);
  }

  /** What isolates a task; without control groups, by which all of it is found again, nothing does. */
  private async isolate(
    spec: ContainerSpec,
    user: User | undefined,
    image: string | undefined,
    volumes: readonly StoredImage[],
  ): Promise<Isolated | undefined> {
    const { isolation, cgroups } = this.options;
    const dev =
      spec.limits.gpus === undefined
        ? undefined
        : this.options.gpus?.deviceFolder(spec.containerId, spec.limits.gpus);
    if (isolation === undefined || cgroups === undefined) {
      const { linuxInfo, rlimitInfo, hostname } = spec.container ?? {};
      // Control groups alone keep what is each task's own.
      const { shareCgroups: _, ...others } = linuxInfo ?? {};
      const asks = Object.values(others).some((value) => value !== undefined);
      if (asks || rlimitInfo !== undefined || hostname)
        throw new FailureError(
          failure('denied', 'linux_info, rlimit_info and hostname need an agent that isolates tasks', {
            field: 'container',
          }),
        );
      await linkMounts(spec);
      return undefined;
    }
    const filter = await this.filterOf(spec);
    const words = this.limited(isolation, spec, user, image, filter);
    // Three calls of microseconds each: see control groups.
    const tmp = tmpOf(spec.sandbox);
    mkdirSync(tmp, { recursive: true });
    chmodSync(tmp, 0o1777);
    if (image !== undefined) makeOver(overOf(spec.sandbox));
    for (const i of volumes.keys()) makeOver(overOfVolume(spec.sandbox, i));
    if (spec.mounts.length > 0)
      await makeFileTargets(spec, image === undefined ? undefined : overOf(spec.sandbox));
    const place = await this.podPlaceOf(spec);
    const table = this.files.table(spec.containerId);
    writeFileSync(
      table,
      mountTable(
        { ...isolation, dev: dev ?? isolation.dev },
        spec,
        { root: image, volumes: volumes.map(({ layers }) => layers.join(':')) },
        shmOf(spec, place),
      ),
      {
        mode: 0o600,
      },
    );
    const { unshare, mount, setsid } = isolation.programs;
    const hostname = this.options.networks?.of(spec.containerId)?.hostname ?? spec.container?.hostname;
    const plan: IsolationPlan = {
      unshare: [
        ...(this.enterNetwork(spec.containerId) ?? []),
        ...this.enterPod(spec, place),
        unshare,
        ...namespacesOf(spec.shares),
        '--',
      ],
      mount,
      table,
      // What a task sees of an image is its own.
      readOnly: image === undefined ? isolation.fileSystems : [],
      cwd: spec.sandbox,
      ...(image !== undefined && { root: isolation.root }),
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
}

/** Makes the folders that overlayfs needs besides those that it shows. */
function makeOver(over: string): void {
  for (const name of ['upper', 'work']) mkdirSync(join(over, name), { recursive: true });
}

/** What a program finds in its environment: what its image says comes under all that others say. */
function environmentOf(
  { environment }: ContainerSpec,
  image: StoredImage | undefined,
): ReadonlyMap<string, string> {
  if (image === undefined) return environment;
  const own = image.config.environment.flatMap((text): [string, string][] => {
    const [, name = '', value = ''] = /^([A-Za-z_][A-Za-z0-9_]*)=([^\0]*)$/.exec(text) ?? [];
    // What no shell could set is left out.
    return name === '' ? [] : [[name, value]];
  });
  return new Map([['PATH', defaultPath], ['HOME', sandboxInContainer], ...own, ...environment]);
}

/** The directory that a task finds at /dev/shm; undefined for one of its own. */
function shmOf({ shares }: ContainerSpec, place: PodPlace | undefined): string | undefined {
  if (shares?.ipc === 'machine') return machineShm;
  return shares?.ipc === 'pod' ? place?.shm : undefined;
}
