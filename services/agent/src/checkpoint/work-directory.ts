import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';

/** How an LMDB file begins: a page's header, then this. */
const magic = { offset: 24, bytes: Buffer.from([0xde, 0xc0, 0xef, 0xbe]) };

/** LMDB trusts its file and crashes on one that is something else. */
export async function checkFormat(path: string): Promise<void> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return;
  const start = Buffer.alloc(magic.bytes.length);
  const { bytesRead } = await file.read(start, 0, start.length, magic.offset).finally(() => file.close());
  if (bytesRead > 0 && !start.equals(magic.bytes)) throw new Error(`${path} is not a checkpoint of an agent`);
}

/** Makes a directory and those above it. Node's own way never ends on file systems that know no directories of ours, such as /proc. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path, { mode: 0o755 });
  }
}

/** Why a work directory cannot be used, in one line. */
export function unusable(workDir: string, error: unknown): FailureError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why =
    code === 'EACCES' || code === 'EPERM'
      ? 'permission denied'
      : code === 'ENOTDIR'
        ? 'not a directory'
        : (message.split('\n')[0] ?? '');
  return new FailureError(
    failure('invalid', `work directory ${workDir} cannot be used: ${why} (--work-dir)`),
  );
}
