import { join } from 'node:path';
import { Writable, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import { appendToOutput } from '../../sandbox/open';

/** Where a container's output goes. */
export interface OutputCopy {
  /** The folder of the files stdout and stderr. */
  readonly sandbox: string;
  /** A container with a terminal has one output, which comes as it is. */
  readonly hasTerminal: boolean;
  /** Gives the copying up, as the end of the agent does. */
  readonly signal: AbortSignal;
}

/**
 * Copies a container's output into the files of its sandbox until the container has ended.
 *
 * After a restart of the agent the daemon tells the whole output again; what the files hold already is skipped, so that whoever reads them by offset sees no
 * difference.
 */
export async function copyOutput(
  docker: Docker,
  container: Docker.Container,
  { sandbox, hasTerminal, signal }: OutputCopy,
): Promise<void> {
  const stream = (await container.logs({ follow: true, stdout: true, stderr: true })) as Readable;
  const [stdout, stderr] = await Promise.all([
    appendTo(join(sandbox, 'stdout')),
    appendTo(join(sandbox, 'stderr')),
  ]);
  if (hasTerminal) stream.pipe(stdout, { end: false });
  else docker.modem.demuxStream(stream, stdout, stderr);
  try {
    await finished(stream, { writable: false, signal });
  } finally {
    stream.destroy();
    await Promise.all([close(stdout), close(stderr)]);
  }
}

async function appendTo(path: string): Promise<Writable> {
  const handle = await appendToOutput(path);
  let { size: skip } = await handle.stat();
  const file = handle.createWriteStream();
  return new Writable({
    write(chunk: Buffer, _, done) {
      const skipped = Math.min(skip, chunk.length);
      skip -= skipped;
      if (skipped === chunk.length) done();
      else file.write(chunk.subarray(skipped), done);
    },
    final(done) {
      file.end(done);
    },
  });
}

function close(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.end(() => resolve()));
}
