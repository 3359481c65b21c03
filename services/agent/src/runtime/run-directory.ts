import { join } from 'node:path';

/** Where an agent keeps what outlives it and not the machine. */
export function agentRunDirectory(agentName: string): string {
  return join('/run/meseta', agentName);
}
