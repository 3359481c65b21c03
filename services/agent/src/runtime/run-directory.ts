import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Where an agent keeps what outlives it and not the machine. */
export function agentRunDirectory(agentName: string): string {
  return join('/run/meseta', agentName);
}

/** Removes what is empty of it: an agent that starts makes it again. */
export async function leaveRunDirectory(agentName: string): Promise<void> {
  const home = agentRunDirectory(agentName);
  const names = await readdir(home).catch(() => []);
  for (const path of [...names.map((name) => join(home, name)), home])
    await rmdir(path).catch(() => undefined);
}
