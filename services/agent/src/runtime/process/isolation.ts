import { access, mkdir, open, readdir, readFile, symlink } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { failure, type Failure } from '@meseta/model';
import type { Logger } from '@meseta/kit';
import { agentRunDirectory } from '../run-directory';
import type { ContainerShares } from '../shares';
import { makeDevice } from './device-file';
import { findProgram } from './programs';

/** The programs of util-linux that isolate a task. */
export interface IsolationPrograms {
  readonly unshare: string;
  readonly mount: string;
  readonly umount: string;
  readonly sleep: string;
  readonly nsenter: string;
  readonly setpriv: string;
  readonly setsid: string;
  readonly prlimit: string;
  readonly chroot: string;
  /** Installs filters of system calls; tasks with a profile need it. */
  readonly perl: string | undefined;
}

/** What isolates the tasks of one agent: found out once, the same for all. */
export interface Isolation {
  readonly programs: IsolationPrograms;
  /** An empty directory outside the work directory and /tmp, on which each task's own view of the work directory is put together. */
  readonly box: string;
  /** Another, for the root of a task that runs from an image. */
  readonly root: string;
  /** A /dev with harmless devices only; unset where device files cannot be had, and the machine's own is seen. */
  readonly dev: string | undefined;
  readonly workDir: string;
  /** Whether the machine's file systems are read-only for tasks. */
  readonly readOnlyRoot: boolean;
  /** Where the machine has file systems of its own, each of which is made read-only by itself. */
  readonly fileSystems: readonly string[];
  /** Sockets by which whoever reaches them commands the machine. */
  readonly sockets: readonly string[];
  /** Files that no task is to see. */
  readonly masked: readonly string[];
  /** What root can change the kernel by, read-only for tasks. */
  readonly protected: readonly string[];
}

export interface IsolationOptions {
  readonly workDir: string;
  /** Tells the agents of one machine apart. */
  readonly agentName: string;
  readonly readOnlyRoot: boolean;
  /** A socket by which whoever reaches it commands the machine. */
  readonly dockerSocket: string;
  readonly log: Logger;
}

/** Finds out how tasks can be isolated here, or says in one line why they cannot. */
export async function detectIsolation(options: IsolationOptions): Promise<Isolation | Failure> {
  if (process.getuid?.() !== 0) return failure('denied', 'the agent does not run as root');
  const names = [
    'unshare',
    'mount',
    'umount',
    'sleep',
    'nsenter',
    'setpriv',
    'setsid',
    'prlimit',
    'chroot',
  ] as const;
  const found = await Promise.all(names.map(async (name) => [name, await findProgram(name)] as const));
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name);
  if (missing.length > 0) return failure('denied', `this machine lacks ${missing.join(', ')}`);
  const programs = {
    ...(Object.fromEntries(found) as unknown as Omit<IsolationPrograms, 'perl'>),
    perl: await findProgram('perl'),
  };
  try {
    await promisify(execFile)(programs.unshare, [...namespaces, '--', '/bin/true'], { timeout: 5_000 });
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[1] ?? error.message) : String(error);
    return failure('denied', `the kernel gives no namespaces: ${why}`);
  }
  const home = agentRunDirectory(options.agentName);
  const box = join(home, 'box');
  const root = join(home, 'root');
  for (const path of [box, root]) await mkdir(path, { recursive: true, mode: 0o755 });
  const dev = await makeDevices(join(options.workDir, 'meta', 'dev'));
  if (dev === undefined)
    options.log.warn('device files cannot be made in the work directory: tasks see /dev');
  const { workDir, readOnlyRoot, dockerSocket } = options;
  const sockets = await existing([dockerSocket]);
  return {
    programs,
    box,
    root,
    dev,
    workDir,
    readOnlyRoot,
    fileSystems: readOnlyRoot ? await fileSystemsOf(workDir) : [],
    sockets,
    masked: [...sockets, ...(await existing(['/proc/kcore', '/proc/keys', '/proc/timer_list']))],
    protected: await existing(['/proc/sys', '/proc/sysrq-trigger', '/proc/irq', '/proc/bus', '/proc/fs']),
  };
}

/** The namespaces of a task, and a /proc that shows only what is in them. With its first process all the others end. */
const namespaces: readonly string[] = [
  '--mount',
  '--ipc',
  '--uts',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '--propagation',
  'private',
];

/** Those of one task: what it shares is not made. */
export function namespacesOf(shares: ContainerShares | undefined): readonly string[] {
  if (shares === undefined) return namespaces;
  const shared = (['pid', 'ipc'] as const).filter((name) => shares[name] !== undefined);
  return namespaces.filter((word) => !shared.some((name) => word === `--${name}`));
}

/** Devices of which nobody can make a way out. */
const devices = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
] as const;

const links = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
] as const;

async function makeDevices(directory: string): Promise<string | undefined> {
  for (const name of ['pts', 'shm']) await mkdir(join(directory, name), { recursive: true, mode: 0o755 });
  const there = new Set(await readdir(directory));
  try {
    for (const [name, major, minor] of devices)
      if (!there.has(name)) await makeDevice(join(directory, name), major, minor);
    for (const [name, target] of links) if (!there.has(name)) await symlink(target, join(directory, name));
    // A file system may be mounted so that device files on it are nothing.
    await (await open(join(directory, 'null'), 'w')).close();
    return directory;
  } catch {
    return undefined;
  }
}

/** Where file systems with files of the machine are mounted, as proc(5) says in `mountinfo`; not those of the kernel's own, nor within the work directory. */
async function fileSystemsOf(workDir: string): Promise<readonly string[]> {
  const own =
    /^(proc|sysfs|devtmpfs|devpts|tmpfs|cgroup2?|nsfs|mqueue|bpf|debugfs|tracefs|securityfs|autofs|fuse.*|fusectl|configfs|pstore|hugetlbfs|binfmt_misc|rpc_pipefs|overlay|squashfs|ramfs)$/;
  const found = new Set<string>(['/']);
  for (const line of (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const place = before.split(' ')[4] ?? '';
    const type = after.split(' ')[0] ?? '';
    if (place === '' || own.test(type) || place.startsWith(`${workDir}/`) || place === workDir) continue;
    if (!/^\/(proc|sys|dev|run|tmp)(\/|$)/.test(place) && !place.includes('\\')) found.add(place);
  }
  return [...found];
}

async function existing(paths: readonly string[]): Promise<readonly string[]> {
  const there = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((path, i) => there[i] === true && dirname(path) !== path);
}
