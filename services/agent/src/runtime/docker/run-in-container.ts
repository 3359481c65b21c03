import { PassThrough, type Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { ContainerSpec, RunResult } from '../container-runtime';
import { launchError } from './errors';
import { endExec, exitCodeOf } from './exec-end';

/** How much of what a command prints is kept: its end. Bytes. */
const outputBytesMax = 4 * 1024;

/**
 * Runs a command in a container that runs, as `docker exec` does, and waits for its end.
 *
 * @throws FailureError when it could not be run or was given up; then it is ended, if the daemon is this machine's
 */
export async function runInContainer(
  docker: Docker,
  container: Docker.Container,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<RunResult> {
  try {
    const exec = await container.exec({
      Cmd: wordsOf(spec),
      Env: [...spec.environment].map(([name, value]) => `${name}=${value}`),
      AttachStdout: true,
      AttachStderr: true,
      ...(spec.command?.user && { User: spec.command.user }),
    });
    const stream: Duplex = await exec.start({ hijack: true, stdin: false });
    const said = new PassThrough();
    let output = '';
    said.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-outputBytesMax);
    });
    docker.modem.demuxStream(stream, said, said);
    try {
      await finished(stream, { writable: false, signal });
    } finally {
      stream.destroy();
      if (signal.aborted) await endExec(exec, container).catch(() => undefined);
    }
    return { status: await exitCodeOf(exec), output };
  } catch (error) {
    if (signal.aborted) throw new FailureError(failure('conflict', 'it took too long'));
    throw launchError('cannot run a command in the container', error);
  }
}

function wordsOf({ command }: ContainerSpec): string[] {
  const { value, arguments: rest = [], shell } = command ?? {};
  if (shell !== false) return ['/bin/sh', '-c', value ?? ''];
  // The first argument is the name that the program is to find; Docker gives it its own.
  return [value ?? '', ...rest.slice(1)];
}
