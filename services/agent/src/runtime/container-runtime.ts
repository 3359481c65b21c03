import type { AgentId, ContainerId, FrameworkId, Resources } from '@meseta/model';
import type { Readable, Writable } from 'node:stream';
import type { Retry } from '@meseta/kit';
import type { CommandInfo, ContainerInfo, Image } from '@meseta/protocol';
import type { Progress } from '../effects/start-progress';
import type { Exit } from '../state/command';
import type { StartedFacts } from '../state/state';
import type { ContainerNetwork } from '../network/container-network';
import type { NetworkConfig } from '../network/network-config';
import type { ContainerShares } from './shares';

/**
 * What runs tasks: the one port between the agent and whatever isolates them.
 *
 * A container goes through `start`, its end is told once to the listener, then `release`. Containers outlive the runtime object: a new one finds them again with
 * `recover`, which is called once and before anything else. Calls about containers that are not there do nothing.
 */
export interface ContainerRuntime {
  readonly name: string;
  /** Whether a sandbox directory must exist before a start. */
  readonly usesSandbox: boolean;
  /** Whether what a container may use at most is kept. */
  readonly keepsLimits: boolean;
  /** What keeps its containers apart, in a word; unset where that is not the agent's doing. */
  readonly isolation?: ProcessIsolation;
  /** Whether containers may share namespaces of the machine. */
  readonly sharesMachine?: boolean;
  /** The networks that containers may join by name; unset where there is no such thing. */
  readonly networks?: ReadonlyMap<string, NetworkConfig> | undefined;

  /**
   * Looks what became of the containers that the agent knows of, watches those that run, and ends those of this agent that it does not know of.
   *
   * @returns one answer for each that was asked for, in the same order
   */
  recover(known: readonly KnownContainer[]): Promise<readonly RecoveredContainer[]>;

  /** Whether something may have to be brought for a container; unset where that is so for all, if there is `fetch`. */
  fetches?(container: ContainerInfo | undefined): boolean;

  /**
   * Brings what a container needs from elsewhere and may take long, such as an image; what is brought is not waited for in `start`. Unset for a runtime
   * whose containers need nothing.
   *
   * Rejects with a FailureError whose message is fit for the task's framework, also for a container that could not be started.
   *
   * @param signal nobody wants the container any more
   */
  fetch?(spec: ContainerSpec, listener: FetchListener, signal: AbortSignal): Promise<void>;

  /**
   * Starts a container. When it resolves the task's process exists; its end may have been told already.
   *
   * Rejects with a FailureError whose message is fit for the task's framework; then nothing is left behind.
   *
   * @param spec what `fetch` brings for it is there
   */
  start(spec: ContainerSpec): Promise<StartedFacts>;

  /** Asks the task to end: SIGTERM to everything in the container, or what its image names instead to its first process. */
  terminate(containerId: ContainerId): Promise<void>;

  /** Ends the task: SIGKILL to everything in the container. */
  destroy(containerId: ContainerId): Promise<void>;

  /** Forgets a container, and removes the last traces that would tell `recover` of it. One that has not ended is ended, and nobody is told. */
  release(containerId: ContainerId): Promise<void>;

  /** Changes what a container may use while it runs: a bound that is unset is none, whatever it was. Of a group of control groups, what all in it may use
   * together. */
  update(containerId: ContainerId, limits: ContainerLimits): Promise<void>;

  /**
   * Runs a command beside a container's own, in all that isolates it.
   *
   * @returns the command's exit status, and what it printed last; rejects with a FailureError if it could not be run or was given up
   */
  run(spec: ContainerSpec, signal: AbortSignal): Promise<RunResult>;

  /**
   * Runs a command beside a container's own with somebody at its standard files.
   *
   * @param command the program and its arguments
   * @param terminal the size of a terminal to give it; unset for none
   */
  exec(
    spec: ContainerSpec,
    command: readonly string[],
    terminal: WindowSize | undefined,
  ): Promise<ExecSession>;

  /** Types to a container that has a terminal; rejects with a FailureError if it has ended. */
  attach(spec: ContainerSpec): Promise<AttachSession>;

  /** What the container uses now, where that is known; of a group of control groups, what all in it use. */
  usage(containerId: ContainerId): Promise<ContainerUsage | undefined>;

  /** The processes of a container that this machine sees; unset where they are not known. */
  processesOf?(containerId: ContainerId): readonly number[];

  /** The words that bring a program into a container's network; undefined for one that is on the machine's. Unset where the agent reaches all. */
  enterNetwork?(containerId: ContainerId): readonly string[] | undefined;

  /** Stops watching. The containers run on. */
  close(): Promise<void>;
}

/** What keeps tasks of the process runtime apart: namespaces and control groups, these alone, or nothing but their users. */
export type ProcessIsolation = 'namespaces' | 'cgroups' | 'none';

/** Told of what is tried again during a start. */
export type RetryListener = (retry: Retry) => void;

/** Told of what happens while something is brought. */
export interface FetchListener {
  readonly retried?: RetryListener;
  /** As often as there is something new. */
  readonly progress?: Progress;
}

/** Told of what becomes of images. */
export interface ImageObserver {
  readonly pulled: (outcome: 'pulled' | 'failed') => void;
  readonly imageDeleted: () => void;
}

/** Told once of each container's end, when everything in it is gone. */
export type EndListener = (containerId: ContainerId, exit: Exit) => void;

/** What is to be run. */
export interface ContainerSpec {
  readonly containerId: ContainerId;
  readonly agentId: AgentId;
  readonly frameworkId: FrameworkId;
  /** The task's id, or the executor's: for people. */
  readonly name: string;
  /** The container whose limits this one shares, as those of one group do; unset for most. */
  readonly group?: { readonly containerId: ContainerId; readonly limits: ContainerLimits };
  /** Credentials for the registry of its image that it brings itself, as a config.json of Docker; unset for most. */
  readonly registryConfig?: string;
  /** The networks that it joins; unset for the machine's own. */
  readonly network?: ContainerNetwork;
  /** Namespaces that it shares; unset for most. */
  readonly shares?: ContainerShares;
  /** What of the machine is to be seen in the container. */
  readonly mounts: readonly ContainerMount[];
  readonly command: CommandInfo | undefined;
  readonly container: ContainerInfo | undefined;
  /** The user to run as; unset is the runtime's own. */
  readonly user: string | undefined;
  /** The whole environment; nothing of the agent's is added. */
  readonly environment: ReadonlyMap<string, string>;
  /** The directory of stdout, stderr and of what the task writes; empty for runtimes that use none. */
  readonly sandbox: string;
  readonly resources: Resources;
  readonly limits: ContainerLimits;
}

/** Stands for the whole machine where a mount may come from. */
export const machine = '/';

/** A directory or file of the machine that a container finds at a place of its own. */
export interface ContainerMount {
  /** Absolute. */
  readonly source: string;
  /** Absolute, or relative to the sandbox. */
  readonly target: string;
  readonly readOnly: boolean;
  /** It is to belong to the user of the task that uses it: a persistent volume (R44), or a secret. */
  readonly isVolume: boolean;
  /** A folder in which the source must lie when the container starts, links followed; a folder that is not there is made. `machine` is anywhere but where the agent's
   * own things are. Unset for what the agent brings itself. */
  readonly within?: string;
  /** The image whose files it shows; the source is empty then. */
  readonly image?: Image;
}

/** The size of a terminal. */
export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** A command that runs beside a container's own. */
export interface ExecSession {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty for a command with a terminal. */
  readonly stderr: Readable;
  /** Its status, or 128 and a signal's number. Resolves when its output is at its end. */
  readonly exited: Promise<number>;
  resize(size: WindowSize): Promise<void>;
  /** Nobody is there any more: the command is ended. */
  end(): void;
}

/** Somebody who sits before a container's terminal. Others may, too. */
export interface AttachSession {
  readonly stdin: Writable;
  resize(size: WindowSize): Promise<void>;
  /** Leaves; the container runs on. */
  end(): void;
}

/** How a command that was run beside a container ended. */
export interface RunResult {
  /** 128 and its number for a signal, as a shell counts. */
  readonly status: number;
  readonly output: string;
}

/** How much a container may use. */
export interface ContainerLimits {
  /** Its weight against others, as thousandths of a cpu. */
  readonly cpuMilli: number;
  /** How much of that may be taken back at any moment, and weighs next to nothing; unset is none of it. */
  readonly lowCpuMilli?: number;
  /** How much cpu it may use at most, even if nobody else wants it; unset is no bound. */
  readonly cpuQuotaMilli?: number;
  /** It is ended when it uses more; unset is no bound. */
  readonly memoryBytes?: number;
  /** What it asked for: so much the kernel takes from it last, and more than that first, where memory is short. Unset for nothing. */
  readonly memoryRequestBytes?: number;
  /** How many processes and threads there may be in it; unset is no bound. */
  readonly processes?: number;
  /** The gpus that it may use, by their ids; unset on a machine without. */
  readonly gpus?: readonly string[];
}

/** A container that the agent has a record of. */
export interface KnownContainer {
  readonly containerId: ContainerId;
  /** Whether it was seen to run: then it is not `neverStarted`, whatever is found. */
  readonly ran: boolean;
  readonly sandbox: string;
  /** The container whose limits it shares. */
  readonly groupId?: ContainerId;
  /** It is a group that others are in, and has no process of its own: only to be kept. */
  readonly isGroup?: boolean;
}

export type RecoveredContainer =
  | { readonly kind: 'running'; readonly facts: StartedFacts }
  | { readonly kind: 'ended'; readonly exit: Exit }
  | { readonly kind: 'neverStarted' };

/** A glance at a container. */
export interface ContainerUsage {
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
  readonly memoryRssBytes?: number;
  readonly cpuSeconds?: number;
  /** The two parts of that: in programs, and in the kernel for them. */
  readonly cpuUserSeconds?: number;
  readonly cpuSystemSeconds?: number;
  readonly cpuThrottledSeconds?: number;
  readonly processes?: number;
  readonly threads?: number;
  /** What went over its networks; unset for one on the machine's own. */
  readonly network?: NetworkUsage;
}

/** What went over the networks of a container since it joined them, all together. */
export interface NetworkUsage {
  readonly received: Traffic;
  readonly sent: Traffic;
}

export interface Traffic {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}
