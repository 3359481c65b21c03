import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import type { Exit } from '../state/command';
import { defaultPath } from './process/programs';
import { quote } from './process/script';

/** What is over for the agent is over for executors that look for it themselves: they may end before they are ended. Seconds. */
const politeSeconds = 2;

export interface GuardianOptions {
  /** The agent's own, which outlives it. */
  readonly directory: string;
  /** Tells it apart from others of the same agent. */
  readonly name: string;
  /** Where the lists of the processes of its containers are: the `cgroup.procs` of groups, or links to such; each a directory and a pattern of names below it. */
  readonly lists: readonly { readonly directory: string; readonly pattern: string }[];
  /** How long tasks go on without their agent. Milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Starts who ends the tasks of an agent that does not come back (G8): a shell that waits for the agent's end, and then as long as tasks may go on without one. Then it ends all that is in the
 * control groups of its containers, unless another life of the agent has begun. It goes when nothing runs any more.
 *
 * It learns of the agent's end by the pipe on which it was told what to do: that closes with the agent, whatever that dies of.
 *
 * @returns says that the agent ends
 */
export function startGuardian(options: GuardianOptions): () => void {
  const id = randomUUID();
  // Here, so that from now on an earlier one ends nothing.
  writeFileSync(guardianFile(options), `${id}\n`, { mode: 0o600 });
  const child = spawn('/bin/sh', ['-s', '--', 'meseta-guardian'], {
    cwd: '/',
    detached: true,
    env: { PATH: defaultPath },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  child.on('error', () => undefined);
  const { stdin } = child;
  stdin.on('error', () => undefined);
  (stdin as unknown as Socket).unref();
  stdin.write(guardianScript(options, id));
  return () => void stdin.end();
}

/** Whether what ran was ended because the agent was away for too long. Asked once: it is forgotten then. */
export async function wasAbandoned(options: Own): Promise<boolean> {
  const path = abandonedFile(options);
  const found = await readFile(path).catch(() => undefined);
  if (found !== undefined) await rm(path, { force: true });
  return found !== undefined;
}

/** What is told of a container that was found ended, where those of its agent were: that it was, if nothing else ended it before. */
export function abandonedExit(exit: Exit): Exit {
  const isKill = (exit.kind === 'signaled' && exit.signal === 'SIGKILL') || exit.kind === 'outOfMemory';
  return isKill ? { kind: 'lost', message: 'The agent was away for longer than --recovery-timeout' } : exit;
}

type Own = Pick<GuardianOptions, 'directory' | 'name'>;

function guardianFile({ directory, name }: Own): string {
  return join(directory, name);
}

function abandonedFile({ directory, name }: Own): string {
  return join(directory, `${name}.abandoned`);
}

function guardianScript(options: GuardianOptions, id: string): string {
  const { timeoutMs } = options;
  const file = quote(guardianFile(options));
  const lists = options.lists.map(({ directory, pattern }) => `${quote(directory)}/${pattern}`).join(' ');
  return `{
umask 077
read -r nothing
waited=0
while :; do
  read -r newest <${file} && [ "$newest" = ${id} ] || exit 0
  busy=no
  for list in ${lists}; do
    read -r pid <"$list" && busy=yes
  done
  [ $busy = yes ] || exit 0
  [ $waited -lt ${Math.ceil(timeoutMs / 1000) + politeSeconds} ] || break
  sleep 1
  waited=$((waited + 1))
done
: >${quote(abandonedFile(options))}
for round in 1 2 3 4 5; do
  for list in ${lists}; do
    while read -r pid; do kill -s KILL "$pid"; done <"$list"
  done
  sleep 0.2
done
exit 0
} 2>/dev/null
`;
}
