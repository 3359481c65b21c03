import { isAbsolute, join, normalize } from 'node:path';
import { failure, isFailure, type Failure } from '@meseta/model';
import type { CommandInfo_URI } from '@meseta/protocol';

/** One thing to fetch, read and found to make sense. */
export interface FetchPlan {
  /** As it was asked for, without the checksum: what errors name. */
  readonly name: string;
  /** An URL of http, https, ftp or ftps, or a file of this machine: its absolute path, or where it is in the home of frameworks. */
  readonly from: { readonly url: URL } | { readonly path: string } | { readonly atHome: string };
  /** Where in the sandbox the file is put. */
  readonly output: string;
  readonly executable: boolean;
  /** How it is unpacked, if it is. */
  readonly archive: Archive | undefined;
  readonly cache: boolean;
  /** What the file must be, as 64 hex digits. */
  readonly sha256: string | undefined;
}

export type Archive = 'tar' | 'gzip' | 'bzip2' | 'xz' | 'zip';

const protocols: ReadonlySet<string> = new Set(['http:', 'https:', 'ftp:', 'ftps:']);

/** Endings by which archives are known (G75), the longer ones first. */
const endings: readonly (readonly [string, Archive])[] = [
  ['.tar.gz', 'tar'],
  ['.tar.bz2', 'tar'],
  ['.tar.xz', 'tar'],
  ['.tar', 'tar'],
  ['.tgz', 'tar'],
  ['.tbz2', 'tar'],
  ['.txz', 'tar'],
  ['.gz', 'gzip'],
  ['.bz2', 'bzip2'],
  ['.xz', 'xz'],
  ['.zip', 'zip'],
];

/** Reads what a command wants to have fetched; a failure names the URI and the rule. */
export function fetchPlans(uris: readonly CommandInfo_URI[]): readonly FetchPlan[] | Failure {
  const plans: FetchPlan[] = [];
  for (const uri of uris) {
    const plan = planOf(uri);
    if (isFailure(plan)) return plan;
    plans.push(plan);
  }
  return plans;
}

function planOf({
  value = '',
  executable = false,
  extract = true,
  cache = false,
  outputFile,
}: CommandInfo_URI) {
  const refuse = (rule: string): Failure =>
    failure('invalid', `URI '${value}' ${rule}`, { field: 'command.uris' });
  if (value === '' || /\p{Cc}/u.test(value))
    return refuse('must be set and must not have control characters');
  const [name = '', fragment] = value.split(/#(?=sha256=)/);
  const sha256 = fragment?.slice('sha256='.length).toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    return refuse('must have a checksum of 64 hex digits after #sha256=');
  const from = sourceOf(name);
  if (from === undefined)
    return refuse('must be of http, https, ftp, ftps or file, or a path that stays where it begins');
  const last =
    'url' in from ? decodeURIComponent(from.url.pathname) : 'path' in from ? from.path : from.atHome;
  const output = normalize(outputFile || last.slice(last.lastIndexOf('/') + 1));
  if (
    output === '.' ||
    output === '..' ||
    output.startsWith('../') ||
    isAbsolute(output) ||
    output.endsWith('/')
  )
    return refuse('must have an output_file within the sandbox');
  const archive =
    extract && !executable ? endings.find(([ending]) => output.endsWith(ending))?.[1] : undefined;
  const plan: FetchPlan = { name, from, output, executable, archive, cache, sha256 };
  return plan;
}

function sourceOf(name: string): FetchPlan['from'] | undefined {
  if (name.startsWith('/')) return { path: join(name) };
  if (!/^[a-z][a-z0-9+.-]*:/i.test(name)) {
    const atHome = normalize(name);
    return /^\.\.?(\/|$)/.test(atHome) ? undefined : { atHome };
  }
  try {
    const url = new URL(name);
    if (protocols.has(url.protocol)) return { url };
    if (url.protocol === 'file:' && (url.host === '' || url.host === 'localhost'))
      return { path: join(decodeURIComponent(url.pathname)) };
    return undefined;
  } catch {
    return undefined;
  }
}
