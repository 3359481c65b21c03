import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** The flag of a file that a new program does not get, as `/proc/self/fdinfo` shows it; see open(2). */
const closeOnExec = 0o2000000;

/**
 * Closes what this process was itself given, besides the standard files, by whoever started it.
 *
 * Everything that Node opens closes when a task is started; a file that was inherited need not, and would go on to every task.
 */
export function closeInheritedFiles(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const file = Number(name);
    if (file <= 2 || file === Number(process.env['NODE_CHANNEL_FD'])) continue;
    try {
      const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0) closeSync(file);
    } catch {
      // The directory's own file, closed since it was listed.
      continue;
    }
  }
}
