import { readFileSync } from 'node:fs';
import { access, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerId } from '@meseta/model';
import { startGuardian, wasAbandoned } from '../guardian';

const guardianName = 'docker-guardian';

export interface DockerGuardOptions {
  /** The agent's own, which outlives it. */
  readonly directory: string;
  /** How long containers go on without their agent. Milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Sees to it that containers of the Docker engine end, too, when their agent does not come back (G8): a link to the list of the processes of each is what its guardian goes by.
 *
 * That needs root, and an engine on this machine whose processes this one sees. Where that is not so containers go on until their agent is back.
 */
export class DockerGuard {
  private readonly links: string;
  private leave: () => void = () => undefined;

  constructor(private readonly options: DockerGuardOptions) {
    this.links = join(options.directory, 'docker-guarded');
  }

  /** Takes over from the guard of the agent's former life. @returns whether that one has ended the containers */
  async begin(): Promise<boolean> {
    if (process.getuid?.() !== 0) return false;
    const { directory, timeoutMs } = this.options;
    await mkdir(this.links, { recursive: true, mode: 0o700 });
    const lists = [{ directory: this.links, pattern: '*' }];
    this.leave = startGuardian({ directory, name: guardianName, lists, timeoutMs });
    return wasAbandoned({ directory, name: guardianName });
  }

  /** Forgets containers of a former life that are not there any more. */
  async keepOnly(known: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.links).catch(() => [])) if (!known.has(name)) await this.drop(name);
  }

  /**
   * Guards a container that runs.
   *
   * @param dockerId as the engine has it
   * @param pid of its first process
   */
  async hold(containerId: ContainerId, dockerId: string, pid: number): Promise<void> {
    if (process.getuid?.() !== 0) return;
    const list = listOf(dockerId, pid);
    if (list === undefined) return;
    await rm(this.path(containerId), { force: true });
    await access(list).then(
      () => symlink(list, this.path(containerId)),
      () => undefined,
    );
  }

  async drop(containerId: string): Promise<void> {
    await rm(this.path(containerId), { force: true });
  }

  /** The agent ends: from now on the time runs. */
  close(): void {
    this.leave();
  }

  private path(containerId: string): string {
    return join(this.links, containerId);
  }
}

/** The list of the processes in a container's control group, of either version; undefined for a process that is in no group of that container's. */
function listOf(dockerId: string, pid: number): string | undefined {
  if (pid <= 0) return undefined;
  for (const line of groupsOf(pid)) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    // Whatever is in the group is going to be ended: it must be the container's and nobody else's.
    if (!path.includes(dockerId)) continue;
    if (controllers === '') return join('/sys/fs/cgroup', path, 'cgroup.procs');
    if (controllers.split(',').includes('memory')) return join('/sys/fs/cgroup/memory', path, 'cgroup.procs');
  }
  return undefined;
}

/** The control groups of a process, a line each; none when it is gone, or elsewhere. */
function groupsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  } catch {
    return [];
  }
}
