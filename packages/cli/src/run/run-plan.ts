import { FailureError, parseDurationMs } from '@meseta/kit';
import { failure, isFailure, Resources } from '@meseta/model';
import type { TaskSpec } from '@meseta/sdk';

/** What `meseta run` can be told. */
export interface RunFlags {
  readonly master: string;
  readonly instances: string;
  readonly resources: string;
  readonly image?: string;
  readonly runtime?: string;
  readonly network?: string;
  readonly env?: readonly string[];
  readonly name?: string;
  readonly role: string;
  readonly user?: string;
  readonly timeout?: string;
  /** Give each a terminal. */
  readonly tty?: boolean;
}

/** What is to be run, checked. */
export interface RunPlan {
  readonly name: string;
  readonly role: string;
  readonly user: string | undefined;
  readonly instances: number;
  readonly resources: Resources;
  /** The task, but for its name, which each instance has its own of. */
  readonly spec: Omit<TaskSpec, 'name'>;
  readonly timeoutMs: number | undefined;
}

const instancesMax = 100_000;

/** Checks the flags; throws a `FailureError` that names the flag and the rule. */
export function planRun(words: readonly string[], flags: RunFlags): RunPlan {
  const instances = Number(flags.instances);
  if (!/^\d+$/.test(flags.instances) || instances < 1 || instances > instancesMax) {
    throw invalid(`--instances must be a whole number from 1 to ${instancesMax}, not "${flags.instances}"`);
  }
  const resources = Resources.parse(flags.resources);
  if (isFailure(resources)) throw invalid(`--resources: ${resources.message}`);
  if (resources.isEmpty) throw invalid('--resources must not be empty');
  if (words.length === 0 && flags.image === undefined)
    throw invalid('give a command to run, or an image with --image');
  const timeoutMs = flags.timeout === undefined ? undefined : parseDurationMs(flags.timeout);
  if (isFailure(timeoutMs)) throw invalid(`--timeout: ${timeoutMs.message}`);
  const { network = 'host' } = flags;
  const { runtime = 'docker' } = flags;
  if (runtime !== 'docker' && runtime !== 'process')
    throw invalid(`--runtime must be docker or process, not "${runtime}"`);
  if (flags.runtime !== undefined && flags.image === undefined) throw invalid('--runtime needs an image');
  if (flags.image !== undefined && runtime === 'docker' && network !== 'host' && network !== 'bridge')
    throw invalid(`--network of an image must be host or bridge, not "${network}"`);
  return {
    name: flags.name ?? nameOf(words, flags.image),
    role: flags.role,
    user: flags.user,
    instances,
    resources,
    timeoutMs,
    spec: {
      resources,
      env: envOf(flags.env ?? []),
      ...(flags.tty === true && { terminal: true }),
      ...(words.length === 0 ? {} : { command: commandOf(words) }),
      network,
      ...(flags.image !== undefined && { image: flags.image, runtime }),
    },
  };
}

/** One word is a line for the shell, as `'echo hello | wc'`; several are a program and its arguments. */
function commandOf(words: readonly string[]): string | readonly string[] {
  const [only] = words;
  return words.length === 1 && only !== undefined ? only : words;
}

/** The program's or the image's own name: `/bin/echo hello` is `echo`, `library/nginx:1` is `nginx`. */
function nameOf(words: readonly string[], image: string | undefined): string {
  const program = (words[0] ?? image ?? '').trim().split(/\s+/)[0] ?? '';
  const base = program.split('/').at(-1)?.split(':')[0] ?? '';
  return base.replace(/[^A-Za-z0-9._-]/g, '') || 'run';
}

function envOf(settings: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf('=');
      if (at < 1) throw invalid(`--env must be KEY=VALUE, not "${setting}"`);
      return [setting.slice(0, at), setting.slice(at + 1)];
    }),
  );
}

function invalid(message: string): FailureError {
  return new FailureError(failure('invalid', message));
}
