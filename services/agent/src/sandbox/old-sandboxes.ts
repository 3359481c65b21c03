import { lstat, readdir, readlink, rm, rmdir, statfs, unlink, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { latestName } from './paths';

/** What decides how long the sandbox of a container that has ended stays (G13). */
export interface RetentionOptions {
  readonly workDir: string;
  /** How long it stays on an empty disk. Milliseconds. */
  readonly delayMs: number;
  /** The part of the disk that is to be free: the closer it comes, the sooner sandboxes go; 0 to 1. */
  readonly headroom: number;
  /** Whether tasks of pods have ages of their own (G14). */
  readonly membersToo: boolean;
}

/** Its container has ended: from now on a sandbox grows old, however long ago something was written to it (G13). One that is gone already is let be. */
export async function beginAge(sandbox: string): Promise<void> {
  const now = new Date();
  try {
    await utimes(sandbox, now, now);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/**
 * Deletes the sandboxes of containers that are over, the sooner the fuller the disk is.
 *
 * @param isLive whether a container may still be asked for: it runs, or its end was not acknowledged yet
 * @returns how many went
 */
export async function deleteOldSandboxes(
  { workDir, delayMs, headroom, membersToo }: RetentionOptions,
  isLive: (containerId: string) => boolean,
  nowMs: number,
): Promise<number> {
  const keepMs = delayMs * Math.max(0, 1 - headroom - (await usedPart(workDir)));
  const deleteIfOld = async (sandbox: string): Promise<boolean> => {
    const name = basename(sandbox);
    // What lies beside a sandbox, its /tmp, goes with it.
    if (name.includes('.') || isLive(name)) return false;
    const { mtimeMs } = await lstat(sandbox).catch(() => ({ mtimeMs: nowMs }));
    const written = await Promise.all(['stdout', 'stderr'].map((file) => mtimeOf(join(sandbox, file))));
    if (nowMs - Math.max(mtimeMs, ...written) < keepMs) return false;
    for (const ending of ['', '.tmp', '.image'])
      await rm(`${sandbox}${ending}`, { recursive: true, force: true });
    return true;
  };
  let deleted = 0;
  for (const framework of await folders(join(workDir, 'agents'), '*', 'frameworks', '*')) {
    for (const runs of await folders(framework, 'executors', '*', 'runs')) {
      for (const run of await folders(runs, '*')) {
        if (membersToo) {
          for (const member of await folders(run, 'containers', '*'))
            if (await deleteIfOld(member)) deleted++;
          await deleteDangling(join(run, 'tasks'));
        }
        if (await deleteIfOld(run)) deleted++;
      }
      await tidy(runs, framework);
    }
    await deleteDangling(join(framework, 'tasks'));
  }
  return deleted;
}

/** How full the disk is, 0 to 1. */
async function usedPart(path: string): Promise<number> {
  const { blocks, bavail } = await statfs(path);
  return blocks === 0 ? 0 : 1 - bavail / blocks;
}

/** The folders that a path with stars names. */
async function folders(base: string, ...steps: readonly string[]): Promise<string[]> {
  let found = [base];
  for (const step of steps) {
    const next: string[] = [];
    for (const path of found) {
      const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
      for (const entry of entries)
        if (entry.isDirectory() && (step === '*' || entry.name === step)) next.push(join(path, entry.name));
    }
    found = next;
  }
  return found;
}

async function mtimeOf(path: string): Promise<number> {
  return lstat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

/** A folder of runs in which none is left goes, and those above it that are empty then. */
async function tidy(runs: string, framework: string): Promise<void> {
  const names = await readdir(runs).catch(() => ['?']);
  if (names.some((name) => name !== latestName)) return;
  await unlink(join(runs, latestName)).catch(() => undefined);
  for (let path = runs; path.length > framework.length; path = dirname(path)) {
    try {
      await rmdir(path);
    } catch {
      return;
    }
  }
}

/** Links to sandboxes that are gone. */
async function deleteDangling(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const link = join(directory, name);
    const target = await readlink(link).catch(() => undefined);
    if (target === undefined) continue;
    const there = await lstat(join(directory, target)).then(
      () => true,
      () => false,
    );
    if (!there) await unlink(link).catch(() => undefined);
  }
}
