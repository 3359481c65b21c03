import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { failure } from '@meseta/model';
import { FailureError } from '../failure-error';

/**
 * Finds the folder with the `.proto` files: MESETA_PROTOS if set, else the nearest `protos` folder above this file,
 * which is right for a checkout (from `src` as from `dist`) and for an installed package beside which they lie.
 */
export function findProtoRoot(
  env: Readonly<Record<string, string | undefined>> = process.env,
  from: string = __dirname,
): string {
  const named = env['MESETA_PROTOS'];
  if (named !== undefined && named !== '') {
    if (existsSync(join(named, 'meseta'))) return named;
    throw new FailureError(failure('invalid', `MESETA_PROTOS: ${named} has no folder "meseta"`));
  }
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'protos');
    if (existsSync(join(candidate, 'meseta'))) return candidate;
    if (dirname(folder) === folder) {
      throw new FailureError(
        failure('invalid', 'the folder "protos" was not found; set MESETA_PROTOS to its path'),
      );
    }
  }
}

/**
 * Finds the file that defines a service, as a path relative to the root. A package is a folder, as buf's lint wants:
 * `meseta.v1.SchedulerService` is looked for in `meseta/v1/*.proto`.
 */
export function findProtoFile(root: string, fullName: string): string {
  const parts = fullName.split('.');
  const name = parts.at(-1) ?? '';
  const folder = parts.slice(0, -1).join('/');
  const declaration = new RegExp(`^service\\s+${name}\\b`, 'm');
  const files = existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];
  const file = files
    .filter((entry) => entry.endsWith('.proto'))
    .find((entry) => declaration.test(readFileSync(join(root, folder, entry), 'utf8')));
  if (file === undefined) {
    throw new FailureError(
      failure('invalid', `no .proto file under ${root} defines the service ${fullName}`),
    );
  }
  return `${folder}/${file}`;
}
