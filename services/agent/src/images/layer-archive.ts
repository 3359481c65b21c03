import { spawn } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Transform, Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { findProgram } from '../runtime/process/programs';
import type { Descriptor } from './manifest';

/** What the kinds of compression begin with. */
const gzipMagic = Buffer.from([0x1f, 0x8b]);
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/**
 * Writes a layer to a file, as it comes.
 *
 * @param came told how many bytes have come, each time that some do
 * @throws FailureError for one that is not what its descriptor says
 */
export async function saveLayer(
  stream: Readable,
  path: string,
  { size, digest }: Descriptor,
  came: (bytes: number) => void,
): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  const watch = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      hash.update(chunk);
      came(chunk.length);
      if (bytes > size) done(refuse(`is larger than its ${size} bytes`));
      else done(null, chunk);
    },
  });
  await pipeline(stream, watch, createWriteStream(path));
  if (bytes !== size || `sha256:${hash.digest('hex')}` !== digest)
    throw refuse('is not what its digest says');
}

/**
 * Unpacks a layer of an image, a tar archive that may be compressed, into an empty folder.
 *
 * What is in it is anybody's. tar takes no name that leads out of the folder, and makes links last, so that it writes through none.
 *
 * @param diffId the digest of the archive uncompressed
 * @throws FailureError for one that is not what its digest says; what is in the folder then is to be thrown away
 */
export async function unpackLayer(
  path: string,
  folder: string,
  diffId: string,
  signal: AbortSignal,
): Promise<void> {
  const tar = await need('tar');
  const flags = ['--numeric-owner', '--same-owner', '-p', '--xattrs', '--xattrs-include=security.capability'];
  const child = spawn(tar, ['-x', '-f', '-', '-C', folder, ...flags], {
    stdio: ['pipe', 'ignore', 'pipe'],
    signal,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 1024);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) =>
      status === 0 ? resolve() : reject(refuse(`cannot be unpacked: ${said.split('\n')[0] ?? ''}`)),
    );
  });
  // What tar says is told, if it ends before all was read.
  ended.catch(() => undefined);
  const hash = createHash('sha256');
  try {
    await pipeline(await uncompressed(path, signal), hashingTo(hash, child.stdin));
  } catch (error) {
    child.kill('SIGKILL');
    if (said !== '') await ended;
    throw error instanceof FailureError ? error : refuse(`cannot be unpacked: ${messageOf(error)}`);
  }
  await ended;
  if (`sha256:${hash.digest('hex')}` !== diffId) throw refuse('is not what the configuration says');
}

/** Hashes all that comes and passes it on, to one who may not want all of it: tar ends where the archive does, which may be before the file. */
function hashingTo(hash: Hash, target: Writable): Writable {
  target.on('error', () => undefined);
  return new Writable({
    write(chunk: Buffer, _, done) {
      hash.update(chunk);
      if (target.destroyed || target.write(chunk)) {
        done();
        return;
      }
      const go = (): void => {
        target.off('drain', go).off('close', go);
        done();
      };
      target.on('drain', go).on('close', go);
    },
    final(done) {
      target.end();
      done();
    },
  });
}

/** The archive as it was before it was compressed, by its first bytes: registries' words for that differ. */
async function uncompressed(path: string, signal: AbortSignal): Promise<Readable> {
  const file = await open(path);
  const first = Buffer.alloc(4);
  await file.read(first, 0, first.length, 0);
  await file.close();
  if (first.equals(zstdMagic)) {
    const child = spawn(await need('zstd'), ['-d', '-q', '-c', path], {
      stdio: ['ignore', 'pipe', 'ignore'],
      signal,
    });
    child.once('error', (error) => child.stdout.destroy(error));
    return child.stdout;
  }
  const source = createReadStream(path);
  if (!first.subarray(0, 2).equals(gzipMagic)) return source;
  const gunzip = createGunzip();
  source.once('error', (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

async function need(name: string): Promise<string> {
  const program = await findProgram(name);
  if (program === undefined) throw refuse(`cannot be unpacked: this agent has no ${name}`);
  return program;
}

function refuse(what: string): FailureError {
  return new FailureError(failure('conflict', `a layer ${what}`));
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
