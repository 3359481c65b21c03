import { PassThrough, type Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import type { ContainerSpec, ExecSession, WindowSize } from '../container-runtime';
import { launchError } from './errors';

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
        return (await exec.inspect()).ExitCode ?? 0;
      });
    return { stdin: stream, stdout, stderr, exited, resize, end: () => stream.destroy() };
  } catch (error) {
    throw launchError('cannot run a command in the container', error);
  }
}
