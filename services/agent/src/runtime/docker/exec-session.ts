import { PassThrough, Writable, type Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import type { ContainerSpec, ExecSession, WindowSize } from '../container-runtime';
import { launchError } from './errors';
import { endExec, exitCodeOf } from './exec-end';

/** Runs a command in a container with somebody at its standard files, as `docker exec -i` does. */
export async function execInContainer(
  docker: Docker,
  container: Docker.Container,
  spec: ContainerSpec,
  command: readonly string[],
  terminal: WindowSize | undefined,
): Promise<ExecSession> {
  try {
    const exec = await container.exec({
      Cmd: [...command],
      Env: [...spec.environment].map(([name, value]) => `${name}=${value}`),
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: terminal !== undefined,
      ...(spec.command?.user && { User: spec.command.user }),
    });
    const stream: Duplex = await exec.start({ hijack: true, stdin: true, Tty: terminal !== undefined });
    const resize = async ({ rows, columns }: WindowSize): Promise<void> => {
      await exec.resize({ h: rows, w: columns }).catch(() => undefined);
    };
    if (terminal !== undefined) await resize(terminal);
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    // With a terminal there is one output, and it comes as it is.
    if (terminal === undefined) docker.modem.demuxStream(stream, stdout, stderr);
    else stream.pipe(stdout);
    const exited = finished(stream, { writable: false })
      .catch(() => undefined)
      .then(async () => {
        stdout.end();
        stderr.end();
        return exitCodeOf(exec);
      });
    const stdin = terminal === undefined ? stream : typedInto(stream);
    const end = (): void => {
      stream.destroy();
      // It may have ended, or its container be gone.
      endExec(exec, container).catch(() => undefined);
    };
    return { stdin, stdout, stderr, exited, resize, end };
  } catch (error) {
    throw launchError('cannot run a command in the container', error);
  }
}

/** What is typed into a terminal. Its end is a character: the daemon would take the end of the stream for somebody who leaves, and close the output too. */
function typedInto(stream: Duplex): Writable {
  return new Writable({
    write: (chunk: Buffer, _, done) => void stream.write(chunk, done),
    final: (done) => void stream.write('\x04', done),
  });
}
