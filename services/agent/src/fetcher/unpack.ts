import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { findProgram } from '../runtime/process/programs';
import type { Archive } from './plan';

const run = promisify(execFile);
/** The longest list of names that an archive may have. Bytes. */
const namesBytesMax = 64 * 1024 * 1024;

/**
 * Unpacks an archive where it lies; the archive itself stays (G75).
 *
 * @throws FailureError of one line, without the file's name; for one that would write outside its folder before anything is written
 */
export async function unpack(path: string, archive: Archive, signal: AbortSignal): Promise<void> {
  const folder = dirname(path);
  switch (archive) {
    case 'tar': {
      const tar = await need('tar');
      const { stdout } = await tried(run(tar, ['-tf', path], { maxBuffer: namesBytesMax, signal }));
      refuseEscapes(stdout);
      await tried(run(tar, ['-xf', path, '-C', folder, '--no-same-owner'], { signal }));
      return;
    }
    case 'zip': {
      const unzip = await need('unzip');
      const { stdout } = await tried(run(unzip, ['-Z1', path], { maxBuffer: namesBytesMax, signal }));
      refuseEscapes(stdout);
      await tried(run(unzip, ['-q', '-o', path, '-d', folder], { signal }));
      return;
    }
    case 'gzip': {
      const to = createWriteStream(path.replace(/\.gz$/, ''));
      await tried(pipeline(createReadStream(path), createGunzip(), to, { signal }));
      return;
    }
    case 'bzip2':
    case 'xz': {
      const program = await need(archive);
      await tried(run(program, ['-dkf', path], { signal }));
      return;
    }
  }
}

/** Each line is a name. One that leaves the folder is an attack or a mistake, and either way not unpacked. */
function refuseEscapes(names: string): void {
  for (const name of names.split('\n')) {
    if (name.startsWith('/') || name.split('/').includes('..'))
      throw new FailureError(failure('denied', `holds '${name}', which leads out of the sandbox`));
  }
}

async function need(name: string): Promise<string> {
  const program = await findProgram(name);
  if (program !== undefined) return program;
  throw new FailureError(failure('conflict', `cannot be unpacked: this agent has no ${name}`));
}

async function tried<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const why = (stderr || message).trim().split('\n')[0] ?? '';
    throw new FailureError(failure('conflict', `cannot be unpacked: ${why}`));
  }
}
