import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { findProgram } from './programs';

/** Makes a file of a character device that everybody may use. Rejects where that cannot be. */
export async function makeDevice(path: string, major: number, minor: number): Promise<void> {
  const mknod = await findProgram('mknod');
  if (mknod === undefined) throw new FailureError(failure('denied', 'this machine lacks mknod'));
  await promisify(execFile)(mknod, ['-m', '666', path, 'c', String(major), String(minor)]);
}
