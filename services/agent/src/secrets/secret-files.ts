import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { failure, type ContainerId } from '@meseta/model';
import { FailureError, type Logger } from '@meseta/kit';

/** File systems in memory, by their magic numbers, see statfs(2). */
const inMemory: readonly number[] = [0x01021994, 0x858458f6];

/**
 * Files with secrets for containers, in memory and nowhere else: tasks find them as volumes.
 *
 * They outlive the agent, as the containers do, and not the machine.
 */
export class SecretFiles {
  private constructor(private readonly directory: string) {}

  /** Makes the directory, on a file system in memory; undefined where there can be none: then nobody gets such files. */
  static async open(directory: string, log: Logger): Promise<SecretFiles | undefined> {
    if (process.getuid?.() !== 0) return undefined;
    try {
      await mkdir(directory, { recursive: true, mode: 0o711 });
      if (!inMemory.includes((await statfs(directory)).type))
        await promisify(execFile)('mount', [
          '-t',
          'tmpfs',
          '-o',
          'mode=711,nodev,nosuid',
          'meseta',
          directory,
        ]);
      return new SecretFiles(directory);
    } catch (error) {
      log.warn({ err: error }, 'no file system in memory for secrets: tasks cannot have them as volumes');
      return undefined;
    }
  }

  /** Writes a secret. @returns where it is: a file that only its owner, root at first, may read */
  async write(containerId: ContainerId, index: number, data: Buffer): Promise<string> {
    const own = join(this.directory, containerId);
    const path = join(own, String(index));
    try {
      await mkdir(own, { recursive: true, mode: 0o711 });
      await rm(path, { force: true });
      await writeFile(path, data, { mode: 0o400 });
    } catch (error) {
      throw new FailureError(
        failure(
          'conflict',
          `a secret cannot be kept in memory: ${(error as NodeJS.ErrnoException).code ?? ''}`,
        ),
      );
    }
    return path;
  }

  /** Forgets those of a container. */
  async remove(containerId: ContainerId): Promise<void> {
    await rm(join(this.directory, containerId), { recursive: true, force: true });
  }

  /** Forgets those of all others. */
  async keepOnly(known: ReadonlySet<ContainerId>): Promise<void> {
    for (const name of await readdir(this.directory))
      if (!known.has(name as ContainerId)) await this.remove(name as ContainerId);
  }
}
