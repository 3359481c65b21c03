import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { defaultPath } from './programs';

/** A shell that was fed a supervisor's script. */
export interface Supervisor {
  readonly pid: number;
  /** Resolves when the task's process exists; rejects with a FailureError if it will not. */
  readonly started: Promise<void>;
}

/**
 * Starts a supervisor in a session of its own, so that it survives the agent.
 *
 * It inherits three things: its standard input, over which it is told what to do, nothing for its output, and one more pipe over which it says that
 * the task has begun. Node opens everything else so that it closes on exec.
 *
 * @param name shows in the list of processes
 * @param onExit told when the supervisor is gone, whatever happened to the task
 */
export function spawnSupervisor(script: string, name: string, cwd: string, onExit: () => void): Supervisor {
  const child = spawn('/bin/sh', ['-s', '--', 'meseta-task', name], {
    cwd,
    detached: true,
    env: { PATH: defaultPath },
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
  });
  child.unref();
  const started = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(launchError(error.message)));
    child.once('exit', onExit);
    const pipe = child.stdio[3] as Readable;
    let said = '';
    pipe.setEncoding('utf8');
    pipe.on('data', (text: string) => {
      said += text;
      if (!said.includes('\n')) return;
      pipe.destroy();
      if (said === 'started\n') resolve();
      else reject(launchError(said.trim()));
    });
    pipe.once('error', (error) => reject(launchError(error.message)));
    pipe.once('close', () => reject(launchError('the supervisor ended before it started the task')));
  });
  // A shell that is gone before it has read all says so through `started`; the broken pipe adds nothing.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(script);
  return { pid: child.pid ?? 0, started };
}

function launchError(why: string): FailureError {
  return new FailureError(failure('conflict', `cannot start the task: ${why}`));
}
