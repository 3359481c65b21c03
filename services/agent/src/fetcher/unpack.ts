import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { findProgram } from '../runtime/process/programs';
import { linkOnWay } from '../sandbox/links';
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
      refuseEscapes(stdout, folder);
      const long = await tried(run(tar, ['-tvf', path], { maxBuffer: namesBytesMax, signal }));
      refuseEscapes(hardLinksOf(long.stdout), folder);
      await tried(run(tar, ['-xf', path, '-C', folder, '--no-same-owner'], { signal }));
      return;
    }
    case 'zip': {
      const unzip = await need('unzip');
      const { stdout } = await tried(run(unzip, ['-Z1', path], { maxBuffer: namesBytesMax, signal }));
      refuseEscapes(stdout, folder);
      await tried(run(unzip, ['-q', '-o', path, '-d', folder], { signal }));
      return;
    }
    case 'gzip': {
      const to = path.replace(/\.gz$/, '');
      await rm(to, { force: true });
      await tried(
        pipeline(createReadStream(path), createGunzip(), createWriteStream(to, { flags: 'wx' }), { signal }),
      );
      return;
    }
    case 'bzip2':
    case 'xz': {
      const program = await need(archive);
      await rm(path.replace(/\.(bz2|xz)$/, ''), { force: true });
      await tried(run(program, ['-dkf', path], { signal }));
      return;
    }
  }
}

/**
 * Each line is a name. One that leaves the folder is an attack or a mistake, and either way not unpacked; so is one that an earlier archive has put a link in the way of. Of links in
 * the same archive tar and unzip take care themselves: they make them last, and put a file in the place of a link and not through it.
 */
function refuseEscapes(names: string, folder: string): void {
  for (const name of names.split('\n')) {
    if (name.startsWith('/') || name.split('/').includes('..'))
      throw new FailureError(failure('denied', `holds '${name}', which leads out of the sandbox`));
    const link = linkOnWay(folder, dirname(name));
    if (link !== undefined)
      throw new FailureError(
        failure('denied', `holds '${name}', which is to be written through the link '${link}'`),
      );
  }
}

/** What hard links of an archive stand for, a line each: a file that is outside would become the task's. A name may itself hold the words in between. */
function hardLinksOf(list: string): string {
  return list
    .split('\n')
    .filter((line) => line.startsWith('h'))
    .flatMap((line) =>
      line
        .split(' link to ')
        .map((_, i, parts) => parts.slice(i).join(' link to '))
        .slice(1),
    )
    .join('\n');
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
