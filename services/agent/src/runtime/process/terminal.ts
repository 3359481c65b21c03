import { execFile } from 'node:child_process';
import { constants, openSync, readlinkSync } from 'node:fs';
import { readlink, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { AttachSession, WindowSize } from '../container-runtime';
import { childOf } from './proc';
import { findProgram } from './programs';

/** The size of a terminal that nobody gave one. */
export const sizeDefault: WindowSize = { rows: 24, columns: 80 };

/** A terminal that a command is to have. */
export interface Terminal {
  /** The path of script(1), which makes it and stays between the command and its files. */
  readonly script: string;
  /** A named pipe: what is written to it is typed. It stays open, whoever comes and goes. */
  readonly input: string;
  readonly size: WindowSize;
}

/** @throws FailureError where there is no script(1) */
export async function findScript(): Promise<string> {
  const script = await findProgram('script');
  if (script === undefined)
    throw new FailureError(failure('conflict', 'this agent has no script(1), which makes terminals'));
  return script;
}

/** Makes what a task with a terminal is typed to with. */
export async function makeTerminal(input: string, size: WindowSize): Promise<Terminal> {
  await rm(input, { force: true });
  await promisify(execFile)('mkfifo', ['-m', '600', input]);
  return { script: await findScript(), input, size };
}

/** Opens what types to a task and changes the size of its terminal. */
export function attachTo(input: string, pid: number): AttachSession {
  // To read and to write, so that it opens although nobody reads; by a socket, so that what nobody reads holds up nothing else.
  const fd = openSync(input, constants.O_RDWR | constants.O_NONBLOCK);
  const stdin = new Socket({ fd, readable: false, writable: true });
  stdin.on('error', () => undefined);
  return { stdin, resize: (size) => resizeTerminal(pid, size), end: () => stdin.destroy() };
}

/** Changes the size of the terminal of the first process below another that has one. One that has just ended has none any more. */
export async function resizeTerminal(pid: number | undefined, { rows, columns }: WindowSize): Promise<void> {
  const owner = await terminalOwnerOf(pid);
  if (owner === undefined) return;
  const words = ['-F', `/proc/${owner}/fd/0`, 'rows', String(rows), 'columns', String(columns)];
  await new Promise<void>((resolve) => execFile('stty', words, () => resolve()));
}

/** Whether a process is the one that stands between a task and its terminal: it passes on no signal, and ends the task by what it gets itself. */
export function keepsTerminal(pid: number, input: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/0`) === input;
  } catch {
    return false;
  }
}

/** The first below it whose standard input is a terminal: that one stays, while what it runs comes and goes. */
async function terminalOwnerOf(pid: number | undefined): Promise<number | undefined> {
  for (let next = pid; next !== undefined; next = await childOf(next)) {
    const input = await readlink(`/proc/${next}/fd/0`).catch(() => '');
    if (input.startsWith('/dev/pts/')) return next;
  }
  return undefined;
}
