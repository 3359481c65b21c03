import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';

/**
 * Takes a directory for this process; refused while another process that runs has it. Returns what gives it back.
 *
 * The lock is a file with the process's id and, where the system tells it, the time at which it started: after a crash the
 * id may belong to somebody else, and that somebody started at another time.
 */
export function lockDirectory(directory: string): () => void {
  const file = join(directory, 'lock');
  const mine = identityOf(process.pid);
  const theirs = readOrEmpty(file);
  const pid = Number(theirs.split(' ')[0]);
  if (theirs !== '' && theirs !== mine && pid > 0 && isAlive(pid) && identityOf(pid) === theirs) {
    throw new FailureError(
      failure('conflict', `the data directory ${directory} is in use by process ${pid} (--data-dir)`),
    );
  }
  if (theirs === mine && held.has(file)) {
    throw new FailureError(failure('conflict', `the data directory ${directory} is in use by this process`));
  }
  writeFileSync(file, mine);
  held.add(file);
  return () => {
    held.delete(file);
    rmSync(file, { force: true });
  };
}

/** The locks of this process, whose own identity in the file says nothing. */
const held = new Set<string>();

function identityOf(pid: number): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // The name in brackets may hold anything; the start time is the 20th field behind it (proc(5)).
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return `${pid} ${started}`.trim();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
