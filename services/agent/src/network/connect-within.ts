import { spawn } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { defaultPath, findProgram } from '../runtime/process/programs';

/** Says first, by a line, that it is connected; then it only passes on. */
const relay = `exec 3<>"/dev/tcp/$1/$2" || exit 1; echo; cat <&3 & exec cat >&3`;

/**
 * Opens a connection from within the network of a container. A shell stands between: one process is in one network.
 *
 * @param enter the words that bring a program there
 * @param signal ends the connection
 * @throws FailureError when nobody answers at that place
 */
export async function connectWithin(
  enter: readonly string[],
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const bash = await findProgram('bash');
  if (bash === undefined)
    throw new FailureError(failure('conflict', 'this agent has no bash, by which it reaches other networks'));
  const [program = bash, ...words] = [...enter, bash, '-c', relay, 'bash', host, String(port)];
  const child = spawn(program, words, {
    detached: true,
    env: { PATH: defaultPath },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const end = (): void => {
    signal.removeEventListener('abort', end);
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All of it has ended already.
    }
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  child.stdin.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    const refused = (): void => {
      signal.removeEventListener('abort', end);
      reject(new FailureError(failure('conflict', `no connection to ${host}:${port}`)));
    };
    child.once('error', refused);
    child.once('close', refused);
    child.stdout.once('data', (first: Buffer) => {
      child.off('close', refused);
      const stream = streamOf(child.stdin, child.stdout, end);
      if (first.length > 1) stream.push(first.subarray(1));
      resolve(stream);
    });
  });
}

/** Both directions as one. Node's own way of putting two streams together takes the end of one side for an error. */
function streamOf(to: Writable, from: Readable, end: () => void): Duplex {
  const stream = new Duplex({
    read: () => void from.resume(),
    write: (data, _, done) => void to.write(data, done),
    final: (done) => void to.end(done),
    destroy: (error, done) => {
      end();
      done(error);
    },
  });
  from.on('data', (data: Buffer) => {
    if (!stream.push(data)) from.pause();
  });
  from.once('end', () => stream.push(null));
  // Closed by the other side it is over: half a connection is of no use to a check.
  from.once('close', end);
  return stream;
}
