import { lstat, readdir, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { failure, nanosecondsOf } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { FileInfo } from '@meseta/protocol';
import { readPiece } from '../logs/follow';
import { openFound } from './open';

/** How much of a file one answer holds at most. Bytes. */
export const readBytesMax = 1024 * 1024;

/**
 * Finds a file of a sandbox, and nothing outside it: links are followed first, and then it must still lie inside.
 *
 * @throws FailureError `denied` for a path that leads out, `notFound` for one that leads nowhere
 */
export async function findInSandbox(sandbox: string, path: string): Promise<string> {
  if (path.includes('\u0000'))
    throw new FailureError(failure('invalid', 'path must not contain the character NUL', { field: 'path' }));
  const outside = new FailureError(
    failure('denied', `path '${path}' must lie in the sandbox`, { field: 'path' }),
  );
  const root = await existing(sandbox, 'the sandbox');
  if (isAbsolute(path) || !isWithin(root, resolve(root, path))) throw outside;
  const found = await existing(join(root, path), `'${path}'`);
  if (!isWithin(root, found)) throw outside;
  return found;
}

/** Lists a folder of a sandbox, sorted; paths are relative to the sandbox. Links are listed as what they are, not followed. */
export async function listFiles(sandbox: string, path: string): Promise<FileInfo[]> {
  const folder = await findInSandbox(sandbox, path);
  if (!(await lstat(folder)).isDirectory())
    throw new FailureError(failure('invalid', `path '${path}' must be a folder`, { field: 'path' }));
  const root = await realpath(sandbox);
  const names = (await readdir(folder)).sort();
  const files = await Promise.all(names.map((name) => fileInfo(root, join(folder, name))));
  return files.flatMap((file) => file ?? []);
}

/** Reads a piece of a file of a sandbox. */
export async function readFilePiece(
  sandbox: string,
  path: string,
  offset: number,
  length: number,
): Promise<{ readonly size: number; readonly data: Buffer }> {
  if (offset < 0)
    throw new FailureError(failure('invalid', 'offset must not be negative', { field: 'offset' }));
  const file = await openFound(await findInSandbox(sandbox, path), path);
  try {
    const found = await file.stat();
    const lengthMax = length <= 0 || length > readBytesMax ? readBytesMax : length;
    return { size: found.size, data: await readPiece(file, offset, lengthMax) };
  } finally {
    await file.close();
  }
}

async function existing(path: string, name: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    throw new FailureError(failure('notFound', `${name} does not exist on this agent`));
  }
}

function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

/** Undefined for one that went away while it was looked at. */
async function fileInfo(root: string, path: string): Promise<FileInfo | undefined> {
  try {
    const { size, mode, nlink, mtimeMs, uid, gid } = await lstat(path);
    return {
      path: relative(root, path),
      nlink,
      size: BigInt(size),
      mtime: { nanoseconds: nanosecondsOf(mtimeMs) },
      mode,
      uid: String(uid),
      gid: String(gid),
    };
  } catch {
    return undefined;
  }
}
