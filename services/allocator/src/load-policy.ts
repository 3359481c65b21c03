import { resolve } from 'node:path';
import { FailureError } from '@meseta/kit';
import { failure, isFailure, type Failure } from '@meseta/model';
import { binpack, spread } from './state/policy/binpack';
import { drf } from './state/policy/drf';
import type { Policy } from './state/policy/policy';
import { random } from './state/policy/random';

/** The policies that need no path. */
export const builtInPolicies: readonly Policy[] = [drf, random, binpack, spread];

/**
 * Finds a policy by its name, or loads the module at a path: what has a slash or ends in `.js`, `.cjs` or `.mjs`. A path is taken from the working directory.
 *
 * @param flag the option that names it, for the message
 * @param part what is taken of the policy
 * @throws {@link FailureError} of kind `invalid` when there is none, or it has no such part
 */
export async function loadPolicy(
  flag: string,
  nameOrPath: string,
  part: 'sorter' | 'agents',
): Promise<Policy> {
  const policy = isPath(nameOrPath)
    ? await readPolicy(nameOrPath)
    : (builtInPolicies.find(({ name }) => name === nameOrPath) ??
      failure(
        'invalid',
        `'${nameOrPath}' must be one of ${builtInPolicies.map(({ name }) => name).join(', ')}, or the path of a module`,
      ));
  if (isFailure(policy)) throw new FailureError({ ...policy, message: `${flag}: ${policy.message}` });
  if (policy[part] === undefined)
    throw new FailureError(failure('invalid', `${flag}: policy ${policy.name} has no ${part}`));
  return policy;
}

function isPath(text: string): boolean {
  return text.includes('/') || /\.[cm]?js$/.test(text);
}

async function readPolicy(path: string): Promise<Policy | Failure> {
  let loaded: unknown;
  try {
    loaded = await import(resolve(path));
  } catch (error) {
    return failure(
      'invalid',
      `${path} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return policyOf(loaded) ?? failure('invalid', `${path} must export a policy: { name, sorter or agents }`);
}

/** The export `policy`, also when a module of CommonJS was loaded as the default. */
function policyOf(loaded: unknown): Policy | undefined {
  if (!isRecord(loaded)) return undefined;
  const { policy } = loaded;
  if (policy === undefined) return isRecord(loaded['default']) ? policyOf(loaded['default']) : undefined;
  if (!isRecord(policy) || typeof policy['name'] !== 'string') return undefined;
  const parts = [policy['sorter'], policy['agents']].filter((part) => part !== undefined);
  const good = parts.length > 0 && parts.every((part) => isRecord(part) && typeof part['key'] === 'function');
  return good ? (policy as unknown as Policy) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
