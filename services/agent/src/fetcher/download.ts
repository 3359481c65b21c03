import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';

/** Told how many bytes have come, and of how many if that is known. */
export type Come = (bytes: number, total: number | undefined) => void;

export interface DownloadOptions {
  /** How long nothing may come before it is given up (G77). */
  readonly stallMs: number;
  /** What may come at most. */
  readonly bytesMax: number;
  readonly signal: AbortSignal;
  readonly come?: Come;
}

/**
 * Downloads a file.
 *
 * @returns how many bytes came
 * @throws FailureError of one line, without the file's name
 */
export async function download(
  url: URL,
  path: string,
  { stallMs, bytesMax, signal, come = () => undefined }: DownloadOptions,
): Promise<number> {
  const stalled = new AbortController();
  const both = AbortSignal.any([signal, stalled.signal]);
  let timer = setTimeout(() => stalled.abort(), stallMs);
  let bytes = 0;
  let total: number | undefined;
  const watch = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      come(bytes, total);
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(), stallMs);
      if (bytes > bytesMax) done(refuse(`is larger than ${bytesMax} bytes`));
      else done(null, chunk);
    },
  });
  try {
    const response = await fetch(url, { signal: both, redirect: 'follow' });
    if (!response.ok || response.body === null) throw refuse(`was answered with ${response.status}`);
    // Of what is compressed on the way nobody knows how much it will be.
    const length =
      response.headers.get('content-encoding') === null ? response.headers.get('content-length') : null;
    total = length === null ? undefined : Number(length);
    await pipeline(
      Readable.fromWeb(response.body as never),
      watch,
      createWriteStream(path, { flags: 'wx' }),
      {
        signal: both,
      },
    );
    return bytes;
  } catch (error) {
    if (error instanceof FailureError) throw error;
    if (stalled.signal.aborted) throw refuse(`did not come: nothing for ${stallMs} ms`);
    if (signal.aborted) throw refuse('is not wanted any more');
    const { cause, message } = error as Error & { cause?: Error };
    throw refuse(`could not be had: ${cause?.message ?? message}`);
  } finally {
    clearTimeout(timer);
  }
}

/** The SHA-256 of a file, in hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Why a file does not come, as words after its name. */
export function refuse(what: string): FailureError {
  return new FailureError(failure('conflict', what));
}
