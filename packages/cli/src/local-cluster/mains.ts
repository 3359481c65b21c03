import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';

/** The services of a cluster. */
export type ServiceName = 'registry' | 'allocator' | 'master' | 'agent';

/** Finds the program of a service, in this checkout or as an installed package. */
export function mainOf(service: ServiceName): string {
  const main = join(dirname(require.resolve(`@meseta/${service}/package.json`)), 'dist', 'main.js');
  if (existsSync(main)) return main;
  throw new FailureError(
    failure('notFound', `${service} is not built: run \`make build\` first (${main} is missing)`),
  );
}
