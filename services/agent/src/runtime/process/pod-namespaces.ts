import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { containerId as asContainerId, failure, type ContainerId } from '@meseta/model';
import { FailureError, type Logger } from '@meseta/kit';
import { readBootId } from '../../checkpoint/boot-id';
import { lastLineOf } from '../../last-line';
import { Members } from '../../members';
import { Turns } from '../../turns';
import type { KnownContainer } from '../container-runtime';
import type { IsolationPrograms } from './isolation';
import { isMountPoint } from './mounts';
import { childOf, isAlive, signal, type ProcessName } from './proc';
import { quote } from './script';
import { spawnSupervisor } from './spawn';

const exec = promisify(execFile);

/** How often, and how many times, it is looked whether a pod's first process has ended. */
const endWaitMs = 10;
const endTries = 200;

export interface PodNamespacesOptions {
  /** Of a directory for each pod; no task sees it. */
  readonly directory: string;
  readonly programs: Pick<IsolationPrograms, 'unshare' | 'mount' | 'umount' | 'sleep'>;
  readonly log: Logger;
}

/** What the tasks of a pod have together. */
export interface PodPlace {
  /** The first process of the pod's namespaces, as this machine numbers it. */
  readonly pid: number;
  /** The directory that they find at /dev/shm. */
  readonly shm: string;
}

/**
 * Namespaces of processes and of memory that tasks of one pod share.
 *
 * A namespace of processes needs a first process, and a pod has none: so there is one that sleeps, for as long as a task shares it. It outlives the agent; a file says
 * which it is. It is in none of the pod's control groups: what a task uses cannot end it.
 */
export class PodNamespaces {
  private readonly members = new Members();
  private readonly turns = new Turns<ContainerId>();

  constructor(private readonly options: PodNamespacesOptions) {}

  /** Finds those of a former life again. Containers that are no more are to {@link leave}, and then {@link sweep} is to be called. */
  async recover(known: readonly KnownContainer[]): Promise<void> {
    const owners = new Set(await this.owners());
    for (const { containerId, groupId } of known)
      if (groupId !== undefined && owners.has(groupId)) this.members.enter(containerId, groupId);
  }

  /** Ends those that nobody shares. */
  async sweep(): Promise<void> {
    for (const owner of await this.owners())
      if (!this.members.has(owner)) await this.turns.take(owner, () => this.undo(owner));
  }

  /**
   * Lets a task share what its pod has; it is made for the first.
   *
   * @param shmMegabytes the size of /dev/shm, if it is to be made
   */
  join(containerId: ContainerId, owner: ContainerId, shmMegabytes: number): Promise<PodPlace> {
    return this.turns.take(owner, async () => {
      let pid = await this.firstOf(owner);
      if (pid === undefined) {
        // What could not be undone, or lost its first process, and with that all others.
        await this.undo(owner);
        pid = await this.make(owner, shmMegabytes);
      }
      this.members.enter(containerId, owner);
      return { pid, shm: this.shmOf(owner) };
    });
  }

  /** The container has ended. Does nothing for one that shares nothing. */
  async leave(containerId: ContainerId): Promise<void> {
    const owner = this.members.ownerOf(containerId);
    if (owner === undefined) return;
    await this.turns.take(owner, async () => {
      if (this.members.leave(containerId)) await this.undo(owner);
    });
  }

  /** Whether a container shares anything. */
  has(containerId: ContainerId): boolean {
    return this.members.ownerOf(containerId) !== undefined;
  }

  private async make(owner: ContainerId, shmMegabytes: number): Promise<number> {
    const { mount } = this.options.programs;
    const shm = this.shmOf(owner);
    try {
      await mkdir(shm, { recursive: true, mode: 0o700 });
      const options = `mode=1777,nosuid,nodev,size=${shmMegabytes}m`;
      await exec(mount, ['-t', 'tmpfs', '-o', options, 'meseta', shm]);
      const script = holderScript(this.options.programs, this.holderFile(owner), await readBootId());
      await spawnSupervisor(script, owner, '/', () => undefined).started;
      const pid = await this.firstOf(owner);
      if (pid === undefined) throw new Error('its first process has ended');
      return pid;
    } catch (error) {
      await this.undo(owner);
      const why = error instanceof Error ? lastLineOf(error.message) : String(error);
      throw new FailureError(failure('conflict', `cannot make the namespaces of a pod: ${why}`));
    }
  }

  /** Ends the first process, and with it all others. What fails is told in the log and tried again when the agent starts: nobody is to wait for it. */
  private async undo(owner: ContainerId): Promise<void> {
    try {
      const holder = await this.holderOf(owner);
      if (holder !== undefined) {
        signal(holder.pid, 'SIGKILL');
        for (let tries = 0; isAlive(holder) && tries < endTries; tries++) await pause(endWaitMs);
      }
      const shm = this.shmOf(owner);
      if (await isMountPoint(shm)) await exec(this.options.programs.umount, ['--lazy', shm]);
      await rm(this.directoryOf(owner), { recursive: true, force: true });
    } catch (error) {
      this.options.log.warn(
        { err: error, containerId: owner },
        'the namespaces of a pod could not be undone',
      );
    }
  }

  private async firstOf(owner: ContainerId): Promise<number | undefined> {
    const holder = await this.holderOf(owner);
    return holder === undefined ? undefined : childOf(holder.pid);
  }

  /** The process whose child is the first one; undefined once it is gone, as after a restart of the machine. */
  private async holderOf(owner: ContainerId): Promise<ProcessName | undefined> {
    const text = await readFile(this.holderFile(owner), 'utf8').catch(() => '');
    const [pid, startTime, bootId] = text.trim().split(' ');
    if (bootId !== (await readBootId())) return undefined;
    const holder = { pid: Number(pid), startTime: Number(startTime) };
    return isAlive(holder) ? holder : undefined;
  }

  private async owners(): Promise<readonly ContainerId[]> {
    return (await readdir(this.options.directory).catch(() => [])).map(asContainerId);
  }

  private directoryOf(owner: ContainerId): string {
    return join(this.options.directory, owner);
  }

  private shmOf(owner: ContainerId): string {
    return join(this.directoryOf(owner), 'shm');
  }

  private holderFile(owner: ContainerId): string {
    return join(this.directoryOf(owner), 'holder');
  }
}

/** Says who it is, then has a child in new namespaces that sleeps; whoever ends it ends the child. Its own children the child forgets, as nobody waits for them. */
function holderScript(
  { unshare, sleep }: PodNamespacesOptions['programs'],
  file: string,
  bootId: string,
): string {
  const first = `trap '' CHLD; printf 'started\\n' >&3; exec ${quote(sleep)} infinity 3>&-`;
  return `{
set -f
read -r stat </proc/$$/stat
set -- \${stat##*) }
printf '%s\\n' "$$ \${20} ${bootId}" >${quote(file)} || exit 125
exec ${quote(unshare)} --pid --ipc --fork --kill-child -- /bin/sh -c ${quote(first)}
}
`;
}
