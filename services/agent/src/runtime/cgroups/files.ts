import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Control groups are files of the kernel's, answered from memory in microseconds: to hand each to a thread and wait for it costs far more than the
// call itself, and a start makes twenty.

/** Reads a file of a control group; undefined if there is none. */
export function readGroupFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

export function writeGroupFile(path: string, value: string | number): void {
  writeFileSync(path, String(value));
}

/** Takes away a bound that was set before: where the file already says so, or is not there, nothing is written. */
export function liftBound(path: string, unbound: string): void {
  const before = readGroupFile(path)?.trim();
  if (before !== undefined && before !== unbound) writeGroupFile(path, unbound);
}

export function makeGroup(path: string): void {
  mkdirSync(path, { recursive: true });
}

/** Removes a group; true if it is gone. One with processes in it stays. */
export function removeGroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

export function groupsIn(path: string): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

export function parsePids(text: string | undefined): readonly number[] {
  return (text ?? '').split('\n').filter(Boolean).map(Number);
}

/** How many lines a file has in a group and in those below it; undefined if there is none. Lists of processes and threads are each group's own. */
export function countIn(group: string, file: string): number | undefined {
  const own = readGroupFile(join(group, file));
  if (own === undefined) return undefined;
  return groupsIn(group).reduce(
    (sum, name) => sum + (countIn(join(group, name), file) ?? 0),
    parsePids(own).length,
  );
}

/** The number after a name in a file of `name number` lines. */
export function fieldOf(text: string | undefined, name: string): number | undefined {
  for (const line of (text ?? '').split('\n')) {
    const [key, value] = line.split(' ');
    if (key === name && value !== undefined) return Number(value);
  }
  return undefined;
}
