import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { ExecSession, WindowSize } from '../container-runtime';
import { childOf } from './proc';
import { defaultPath } from './programs';
import { filterOf, quote } from './script';
import { findScript, resizeTerminal } from './terminal';

/** A command beside a task, as it is run. */
export interface ExecPlan {
  /** Words that bring it to where the task is; empty to stay. */
  readonly enter: readonly string[];
  readonly joins: readonly string[];
  /** The program that filters its system calls; unset for none. */
  readonly filter?: string | undefined;
  readonly environment: ReadonlyMap<string, string>;
  /** As it sees it. */
  readonly cwd: string;
  readonly command: readonly string[];
}

/**
 * Runs a command with somebody at its standard files.
 *
 * Its environment comes over a file of its own and not over its arguments, which everybody on the machine can read. A terminal is made by
 * script(1), where the command is, so that the command finds it in its own /dev; its size is changed from outside, by stty(1) on the
 * command's standard input.
 */
export async function execSession(plan: ExecPlan, terminal: WindowSize | undefined): Promise<ExecSession> {
  const prelude = [
    `cd ${quote(plan.cwd)} || exit 125`,
    'unset PWD OLDPWD',
    ...[...plan.environment].map(([name, value]) => `export ${name}=${quote(value)}`),
    ...(terminal === undefined ? [] : [`stty rows ${terminal.rows} columns ${terminal.columns}`]),
    '',
  ].join('\n');
  const joins = plan.joins.map((file) => `printf 0 >${quote(file)} || exit 125`);
  // The file is a socket, which can be read but not opened by its name.
  const run = 'eval "$(cat <&3)"; exec 3<&-; exec "$@"';
  const inner = ['/bin/sh', '-c', run, 'sh', ...plan.command];
  let words = [...plan.enter, ...inner];
  if (terminal !== undefined) {
    words = [...plan.enter, await findScript(), '-qefc', inner.map(quote).join(' '), '/dev/null'];
  }
  const outer = [...joins, ...filterOf(plan), `exec ${words.map(quote).join(' ')}`].join('; ');
  const child = spawn('/bin/sh', ['-c', outer], {
    detached: true,
    env: { PATH: defaultPath, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const [stdin, stdout, stderr, file] = child.stdio as unknown as [Writable, Readable, Readable, Writable];
  file.on('error', () => undefined);
  file.end(prelude);
  stdin.on('error', () => undefined);
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(new FailureError(failure('conflict', error.message))));
    child.once('close', (code, name) => resolve(code ?? 128 + (name === null ? 0 : constants.signals[name])));
  });
  return {
    stdin,
    stdout,
    stderr,
    exited,
    resize: (size) => resizeTerminal(child.pid, size),
    end: () => {
      void lastDescendantOf(child.pid).then((last) => {
        for (const pid of [last, child.pid === undefined ? undefined : -child.pid]) {
          try {
            if (pid !== undefined) process.kill(pid, 'SIGKILL');
          } catch {
            // It has ended already.
            continue;
          }
        }
      });
    },
  };
}

/** The command itself, below those that brought it there. */
async function lastDescendantOf(pid: number | undefined): Promise<number | undefined> {
  let last = pid;
  for (let next = last; next !== undefined; next = await childOf(next)) last = next;
  return last;
}
