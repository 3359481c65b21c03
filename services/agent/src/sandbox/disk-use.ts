import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { access } from 'node:fs/promises';
import { findProgram } from '../runtime/process/programs';
import type { Resources } from '@meseta/model';
import { lastLineOf } from '../last-line';

/**
 * How much a container has written: to its sandbox, to its /tmp, over its image. Volumes count for themselves.
 *
 * @returns bytes; undefined where it cannot be found out
 */
export function sandboxUseOf(sandbox: string): Promise<number | undefined> {
  return useOf([sandbox, `${sandbox}.tmp`, `${sandbox}.image`]);
}

/** How much there is in directories, those that are there; other file systems that are mounted in them not. Bytes. */
export async function useOf(directories: readonly string[]): Promise<number | undefined> {
  const du = await findProgram('du');
  if (du === undefined) return undefined;
  const paths: string[] = [];
  for (const path of directories)
    await access(path).then(
      () => paths.push(path),
      () => undefined,
    );
  if (paths.length === 0) return 0;
  try {
    const { stdout } = await promisify(execFile)(du, ['-skxc', '--', ...paths]);
    const total = lastLineOf(stdout);
    return Number(total.split(/\s/)[0]) * 1024;
  } catch {
    // Something went away while it was counted: it is counted again soon.
    return undefined;
  }
}

/** What a container may write. Bytes; undefined without a limit. */
export function diskLimitOf(resources: Resources): number | undefined {
  const plain = resources.filter(({ name, disk }) => name === 'disk' && disk?.persistence === undefined);
  const megabytes = plain.scalarMilli('disk') / 1000;
  return megabytes > 0 ? megabytes * 1024 * 1024 : undefined;
}
