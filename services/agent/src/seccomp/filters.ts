import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, isFailure, validateId } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { SeccompInfo } from '@meseta/protocol';
import { compileProfile } from './compile';
import { readProfile } from './profile';
import { processors } from './syscalls';

export interface FilterOptions {
  /** Where the operator's profiles are; unset: there are none. */
  readonly directory: string | undefined;
  /** The profile of a task that names none; unset: it has none. */
  readonly defaultName: string | undefined;
  /** Where programs are kept for the kernel, each under what it holds: there are as many as there are profiles and sets of capabilities. */
  readonly programs: string;
}

/** Filters of system calls, made of profiles. */
export class Filters {
  constructor(private readonly options: FilterOptions) {}

  /**
   * The file with the program that filters the calls of a task; undefined for a task that has none.
   *
   * @param capabilities what the task may have of root's powers, in lower case: profiles may depend on them
   * @throws FailureError that names the profile and what is wrong with it
   */
  async fileOf(info: SeccompInfo | undefined, capabilities: readonly string[]): Promise<string | undefined> {
    const { directory, defaultName } = this.options;
    if (info?.unconfined === true && info.profileName !== undefined)
      throw refuse('must not have a profile_name and be unconfined');
    const name = info?.unconfined === true ? undefined : (info?.profileName ?? defaultName);
    if (name === undefined) return undefined;
    if (directory === undefined)
      throw refuse(`profile '${name}' cannot be had: this agent has no --seccomp-config-directory`);
    if (validateId('profile_name', name) !== undefined)
      throw refuse('profile_name must be the name of a file');
    const text = await readFile(join(directory, name), 'utf8').catch(() => {
      throw refuse(`profile '${name}' is not on this agent`);
    });
    const processor = processors[process.arch];
    if (processor === undefined)
      throw refuse(`profile '${name}' cannot be kept: filters are not known for ${process.arch}`);
    const profile = readProfile(text, { processor, capabilities });
    const program = isFailure(profile) ? profile : compileProfile(profile, processor);
    if (isFailure(program)) throw refuse(`profile '${name}': ${program.message}`);
    return this.keep(program);
  }

  private async keep(program: Buffer): Promise<string> {
    const { programs } = this.options;
    const path = join(programs, createHash('sha256').update(program).digest('hex'));
    if (existsSync(path)) return path;
    await mkdir(programs, { recursive: true, mode: 0o700 });
    // Whole or not at all: another start may read it now.
    const whole = `${path}.${randomUUID()}`;
    await writeFile(whole, program, { mode: 0o600 });
    await rename(whole, path);
    return path;
  }
}

function refuse(rule: string): FailureError {
  return new FailureError(failure('invalid', `linux_info.seccomp ${rule}`, { field: 'linux_info.seccomp' }));
}
