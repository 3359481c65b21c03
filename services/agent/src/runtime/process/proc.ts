import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

/** What the kernel says of a process. */
export interface ProcessStat {
  /** `Z` is one that has ended and was not yet waited for. */
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** In ticks since the machine started: with the pid it names one process, and never another that got the pid later. */
  readonly startTime: number;
}

/** A process that cannot be confused with one that gets its pid after it. */
export interface ProcessName {
  readonly pid: number;
  readonly startTime: number;
}

/** Reads `/proc/<pid>/stat`; undefined when there is no such process. Synchronous: procfs answers from memory. */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Whether exactly this process is still alive. */
export function isAlive({ pid, startTime }: ProcessName): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X';
}

/** Sends a signal to a process or, with a negative pid, to a group; one that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The first child of a process; undefined when it has none, or is gone. */
export async function childOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const child = Number(text.trim().split(' ')[0]);
  return child > 0 ? child : undefined;
}

/** Every live process of the given sessions. Looks at all processes of the machine, so ask for many sessions at once. */
export async function processesOfSessions(sessions: ReadonlySet<number>): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').then(parseStat, () => undefined);
    if (stat !== undefined && stat.state !== 'Z' && sessions.has(stat.session)) found.push(Number(name));
  }
  return found;
}

/** The command, in brackets, may hold anything, brackets too: fields are counted from the last one. See proc(5). */
function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group, session] = fields;
  const startTime = fields[19];
  if (state === undefined || group === undefined || session === undefined || startTime === undefined)
    return undefined;
  return { state, group: Number(group), session: Number(session), startTime: Number(startTime) };
}
