import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';

/** Reads a file of a control group; undefined if there is none. */
export async function readGroupFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

export async function writeGroupFile(path: string, value: string | number): Promise<void> {
  await writeFile(path, String(value));
}

export async function makeGroup(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

/** Removes a group; true if it is gone. One with processes in it stays. */
export async function removeGroup(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

export async function groupsIn(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

export function parsePids(text: string | undefined): readonly number[] {
  return (text ?? '').split('\n').filter(Boolean).map(Number);
}

/** The number after a name in a file of `name number` lines. */
export function fieldOf(text: string | undefined, name: string): number | undefined {
  for (const line of (text ?? '').split('\n')) {
    const [key, value] = line.split(' ');
    if (key === name && value !== undefined) return Number(value);
  }
  return undefined;
}
