import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FailureError, socketPathRefusal } from '@meseta/kit';
import { failure } from '@meseta/model';
import type { AgentConfig } from '../config';
import { agentNameOf } from '../runtime/create';
import { agentRunDirectory } from '../runtime/run-directory';

/**
 * Where executors reach this agent without a network (E1); undefined where they are not to.
 *
 * @throws FailureError `invalid` for a folder that holds more than the socket: containers will see all of it
 */
export async function executorSocketOf(config: AgentConfig): Promise<string | undefined> {
  if (!config.executorDomainSockets) return undefined;
  const path = config.domainSocketLocation ?? defaultLocation(config.workDir);
  const refusal = socketPathRefusal(path);
  if (refusal !== undefined)
    throw new FailureError(failure('invalid', `--domain-socket-location: ${refusal.message}`));
  const others = (await readdir(dirname(path)).catch(() => [])).filter((name) => name !== basename(path));
  if (others.length > 0) {
    const rule = `${dirname(path)} must hold nothing but the socket, since executors see it; it holds ${others[0] ?? ''}`;
    throw new FailureError(failure('invalid', `--domain-socket-location: ${rule}`));
  }
  return path;
}

/** Tasks see nothing of a work directory but what is theirs, and only root may write below /run. */
function defaultLocation(workDir: string): string {
  const home = process.getuid?.() === 0 ? agentRunDirectory(agentNameOf(workDir)) : join(workDir, 'meta');
  return join(home, 'executors', 'agent.sock');
}
