import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { RunResult } from '../container-runtime';
import { defaultPath } from './programs';

/** How much of what a command prints is kept: its end. Bytes. */
const outputBytesMax = 4 * 1024;

/**
 * Runs a script to its end, in a process group of its own that is ended with it.
 *
 * @throws FailureError when it could not be run or was given up
 */
export function runScript(script: string, cwd: string, signal: AbortSignal): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-s', '--', 'meseta-run'], {
      cwd,
      detached: true,
      env: { PATH: defaultPath },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // All of the group is gone already.
      }
    };
    let output = '';
    const keep = (text: string): void => {
      output = (output + text).slice(-outputBytesMax);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    signal.addEventListener('abort', end, { once: true });
    child.once('error', (error) => reject(new FailureError(failure('conflict', error.message))));
    child.once('close', (code, name) => {
      signal.removeEventListener('abort', end);
      if (signal.aborted) reject(new FailureError(failure('conflict', 'it took too long')));
      else resolve({ status: code ?? 128 + (name === null ? 0 : constants.signals[name]), output });
    });
    // What a command leaves behind would hold its output open for ever.
    child.once('exit', end);
    child.stdin.on('error', () => undefined);
    child.stdin.end(script);
  });
}
