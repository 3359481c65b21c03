import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, realpath, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { failure, isFailure } from '@meseta/model';
import { FailureError, isFailureError } from '@meseta/kit';
import type { CommandInfo_URI } from '@meseta/protocol';
import { linkOnWay } from '../sandbox/links';
import { findProgram } from '../runtime/process/programs';
import { findUser, ownUser, type User } from '../runtime/process/users';
import type { FetchCache } from './cache';
import { megabytesOf, type Progress } from '../effects/start-progress';
import { download, sha256Of, type Come } from './download';
import { downloadFtp } from './download-ftp';
import { fetchPlans, type FetchPlan } from './plan';
import { unpack } from './unpack';

/** No single file that is fetched may be larger. Bytes. */
const fileBytesMax = 64 * 1024 ** 3;

export interface FetcherOptions {
  readonly workDir: string;
  readonly cache: FetchCache;
  /** Where files that are named by relative paths are (G78). */
  readonly frameworksHome?: string | undefined;
  /** How long a download may be silent. Milliseconds. */
  readonly stallMs: number;
  /** Told of each thing that was to be fetched. */
  readonly onFetched: (outcome: 'fetched' | 'cached' | 'failed') => void;
}

/** Where to what is fetched goes. */
export interface FetchTarget {
  readonly sandbox: string;
  /** To whom it is given; unset is the agent's own user. */
  readonly user: string | undefined;
  readonly signal: AbortSignal;
  /** Told how far it has come. */
  readonly progress?: Progress;
}

interface FetchOne {
  readonly sandbox: string;
  readonly user: User | undefined;
  readonly signal: AbortSignal;
  readonly come: Come;
}

/** Brings into a sandbox what a command needs before it starts (G74). */
export class Fetcher {
  constructor(private readonly options: FetcherOptions) {}

  /**
   * Fetches one after the other, and gives all of it to the task's user.
   *
   * @throws FailureError of one line that names the URI; then what was fetched before it is left in the sandbox
   */
  async fetch(
    uris: readonly CommandInfo_URI[],
    { sandbox, user: userName, signal, progress = () => undefined }: FetchTarget,
  ): Promise<void> {
    const plans = fetchPlans(uris);
    if (isFailure(plans)) throw new FailureError(plans);
    const user = await this.userOf(userName);
    for (const [i, plan] of plans.entries()) {
      const had = (words: string): void =>
        progress(() => `fetching URI ${i + 1} of ${plans.length}: ${words}`);
      const come = (bytes: number, total: number | undefined): void => had(megabytesOf(bytes, total));
      try {
        const cached = await this.fetchOne(plan, { sandbox, user, signal, come });
        this.options.onFetched(cached ? 'cached' : 'fetched');
      } catch (error) {
        this.options.onFetched('failed');
        if (isFailureError(error))
          throw new FailureError(
            failure(error.failure.kind, `URI '${withoutPassword(plan.name)}' ${error.message}`),
          );
        throw error;
      }
    }
    if (user === undefined) return;
    const chown = (await findProgram('chown')) ?? 'chown';
    await promisify(execFile)(chown, ['-R', '-h', `${user.uid}:${user.gid}`, sandbox]);
  }

  /** @returns whether it came out of the cache */
  private async fetchOne(plan: FetchPlan, { sandbox, user, signal, come }: FetchOne): Promise<boolean> {
    const output = join(sandbox, plan.output);
    const link = linkOnWay(sandbox, dirname(plan.output));
    if (link !== undefined)
      throw new FailureError(failure('denied', `is to be written through the link '${link}'`));
    await mkdir(dirname(output), { recursive: true });
    // Of an earlier URI it may be a link.
    await rm(output, { force: true });
    const get = (path: string) => this.get(plan, path, user, signal, come);
    let cached = false;
    if (plan.cache) {
      // Another user might be refused what this one may read.
      const key = `${user?.name ?? ''}\n${plan.name}\n${plan.sha256 ?? ''}`;
      // A download that is shared must not end because one of those who want it ends.
      const shared = (path: string) => this.get(plan, path, user, new AbortController().signal, come);
      cached = await this.options.cache.with(key, shared, (path) => copyFile(path, output));
    } else {
      await get(output);
    }
    if (plan.executable) await chmod(output, 0o755);
    if (plan.archive !== undefined) await unpack(output, plan.archive, signal);
    return cached;
  }

  private pathOf(from: { readonly path: string } | { readonly atHome: string }): string {
    if ('path' in from) return from.path;
    const { frameworksHome } = this.options;
    if (frameworksHome === undefined)
      throw new FailureError(failure('invalid', 'is relative, and this agent has no --frameworks-home'));
    return join(frameworksHome, from.atHome);
  }

  private async get(
    plan: FetchPlan,
    path: string,
    user: User | undefined,
    signal: AbortSignal,
    come: Come,
  ): Promise<void> {
    const { stallMs } = this.options;
    if ('url' in plan.from) {
      const bring = plan.from.url.protocol.startsWith('ftp') ? downloadFtp : download;
      await bring(plan.from.url, path, { stallMs, bytesMax: fileBytesMax, signal, come });
    } else await this.copy(this.pathOf(plan.from), path, user);
    if (plan.sha256 === undefined) return;
    const found = await sha256Of(path);
    if (found !== plan.sha256)
      throw new FailureError(failure('denied', `has the checksum ${found}, not ${plan.sha256}`));
  }

  /** A file of this machine is read as the task's user, so that nobody gets what they could not read themselves, and nothing of the agent's own. */
  private async copy(from: string, to: string, user: User | undefined): Promise<void> {
    const missing = new FailureError(failure('conflict', 'cannot be read'));
    const found = await realpath(from).catch(() => {
      throw missing;
    });
    const way = relative(await realpath(this.options.workDir), found);
    if (!way.startsWith('../')) throw new FailureError(failure('denied', 'is in the agent’s work directory'));
    if (user === undefined) {
      await copyFile(found, to).catch(() => {
        throw missing;
      });
      return;
    }
    const setpriv = (await findProgram('setpriv')) ?? 'setpriv';
    const words = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--', 'test', '-r', found];
    await promisify(execFile)(setpriv, words).catch(() => {
      throw missing;
    });
    await copyFile(found, to);
  }

  private async userOf(name: string | undefined): Promise<User | undefined> {
    const own = ownUser();
    if (name === undefined || name === own.name || own.uid !== 0) return undefined;
    const user = await findUser(name);
    if (isFailure(user)) throw new FailureError(user);
    return user;
  }
}

/** A name as it may be told to anybody who sees the task. */
function withoutPassword(name: string): string {
  return name.replace(/^([a-z]+:\/\/[^:@/]*):[^@/]*@/i, '$1:…@');
}
