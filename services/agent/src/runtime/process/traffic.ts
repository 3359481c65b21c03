import { readFileSync } from 'node:fs';
import type { NetworkUsage, Traffic } from '../container-runtime';

/** What went over the networks that a process is in, but for the way to itself; undefined when it is gone. */
export function networkUsageOf(pid: number): NetworkUsage | undefined {
  try {
    return parseNetDev(readFileSync(`/proc/${pid}/net/dev`, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Sums up the interfaces of `/proc/<pid>/net/dev`: after the name eight numbers of what was received, then eight of what was sent.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_net.5.html
 */
export function parseNetDev(text: string): NetworkUsage {
  const rows = text
    .split('\n')
    .map((line) => /^\s*(\S+?):\s*(.*)$/.exec(line))
    .flatMap((match) =>
      match === null || match[1] === 'lo' ? [] : [(match[2] ?? '').split(/\s+/).map(Number)],
    );
  const sum = (at: number): number => rows.reduce((all, row) => all + (row[at] ?? 0), 0);
  const traffic = (at: number): Traffic => ({
    bytes: sum(at),
    packets: sum(at + 1),
    errors: sum(at + 2),
    dropped: sum(at + 3),
  });
  return { received: traffic(0), sent: traffic(8) };
}
