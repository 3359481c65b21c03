import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

/** Where programs are looked for, whatever the agent's own PATH is; also the PATH that a task gets if it sets none. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The absolute path of a program of this machine: the first directory that has it wins. */
export async function findProgram(
  name: string,
  directories: readonly string[] = defaultPath.split(':'),
): Promise<string | undefined> {
  for (const directory of directories) {
    const path = join(directory, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}
