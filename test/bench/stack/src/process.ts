import { readFileSync } from 'node:fs';

/** The resident memory of a process in megabytes. Linux only: elsewhere it is not known. */
export function residentMegabytes(pid: number): number | undefined {
  try {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line === null ? undefined : Number(line[1]) / 1024;
  } catch {
    return undefined;
  }
}

/** The CPU time that a process has used, in seconds; undefined where it is not known. */
export function cpuSeconds(pid: number): number | undefined {
  try {
    // The name of the program is in parentheses and may hold spaces; utime and stime are the 12th and 13th word behind it.
    const words = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(words[11]) + Number(words[12])) / ticksPerSecond;
  } catch {
    return undefined;
  }
}

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;
