import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type Docker from 'dockerode';
import { signal, statOf } from '../process/proc';

/** How often a command is asked whether it has begun or ended, and how many times. Both take it a moment. */
const askAgainMs = 50;
const asksMax = 100;

/** The status of a command whose output has ended. */
export async function exitCodeOf(exec: Docker.Exec): Promise<number> {
  const found = await untilSo(exec, ({ ExitCode }) => ExitCode !== null);
  return found.ExitCode ?? 0;
}

/**
 * Ends a command that nobody waits for any more. The daemon cannot be told to, so it is ended by its pid: where the daemon is this machine's, and the process of
 * that number is one of the container's.
 */
export async function endExec(exec: Docker.Exec, container: Docker.Container): Promise<void> {
  const { Running, Pid } = await untilSo(exec, ({ ExitCode, Pid }) => ExitCode !== null || Pid > 0);
  if (!Running) return;
  const groups = await readFile(`/proc/${Pid}/cgroup`, 'utf8').catch(() => '');
  const { Id } = await container.inspect();
  if (!groups.includes(Id)) return;
  signal(statOf(Pid)?.group === Pid ? -Pid : Pid, 'SIGKILL');
}

async function untilSo(
  exec: Docker.Exec,
  isSo: (info: Docker.ExecInspectInfo) => boolean,
): Promise<Docker.ExecInspectInfo> {
  for (let asks = 1; ; asks++) {
    const info = await exec.inspect();
    if (isSo(info) || asks === asksMax) return info;
    await pause(askAgainMs);
  }
}
