import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { failure, type ContainerId } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { lastLineOf } from '../last-line';
import { Turns } from '../turns';

/** File systems in memory, by their magic numbers, see statfs(2). */
const inMemory: readonly number[] = [0x01021994, 0x858458f6];

/**
 * Files with secrets for containers, in memory and nowhere else: tasks find them as volumes.
 *
 * They outlive the agent, as the containers do, and not the machine. Where the directory is not on a file system in memory, there is one mounted on it as long as there are
 * such files.
 */
export class SecretFiles {
  /** One after the other: the last file takes the file system with it, and the first brings it. */
  private readonly turns = new Turns<'all'>();

  constructor(private readonly directory: string) {}

  /**
   * Writes a secret.
   *
   * @returns where it is: a file that only its owner, root at first, may read
   * @throws FailureError where there is no file system in memory
   */
  write(containerId: ContainerId, index: number, data: Buffer): Promise<string> {
    return this.turns.take('all', async () => {
      const own = join(this.directory, containerId);
      const path = join(own, String(index));
      try {
        await mkdir(this.directory, { recursive: true, mode: 0o711 });
        if (!(await this.isInMemory())) {
          const options = 'mode=711,nodev,nosuid,noexec,size=64m';
          await run('mount', ['-t', 'tmpfs', '-o', options, 'meseta', this.directory]);
        }
        await mkdir(own, { recursive: true, mode: 0o711 });
        await rm(path, { force: true });
        await writeFile(path, data, { mode: 0o400 });
        return path;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        throw new FailureError(
          failure('conflict', `a secret cannot be kept in memory: ${code ?? lastLineOf(message)}`),
        );
      }
    });
  }

  /** Forgets those of a container. */
  remove(containerId: ContainerId): Promise<void> {
    if (!existsSync(this.directory)) return Promise.resolve();
    return this.turns.take('all', async () => {
      await rm(join(this.directory, containerId), { recursive: true, force: true });
      if ((await readdir(this.directory)).length > 0) return;
      // Refused where it is not our own, and there is nothing to be done then.
      await run('umount', [this.directory]).catch(() => undefined);
    });
  }

  /** Forgets those of all others. */
  async keepOnly(known: ReadonlySet<ContainerId>): Promise<void> {
    const names = await readdir(this.directory).catch(() => []);
    for (const name of names) if (!known.has(name as ContainerId)) await this.remove(name as ContainerId);
  }

  private async isInMemory(): Promise<boolean> {
    return inMemory.includes((await statfs(this.directory)).type);
  }
}

const run = promisify(execFile);
