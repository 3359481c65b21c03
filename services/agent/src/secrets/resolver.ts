import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure, validateId } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { Secret_Type, type CommandInfo, type Secret } from '@meseta/protocol';

/** How much of a secret there may be: more is not a secret but a file. Bytes. */
export const secretBytesMax = 1024 * 1024;

/**
 * Finds out what a secret is, where a task starts (X9).
 *
 * @throws FailureError, which names the secret and never holds it
 */
export type SecretResolver = (secret: Secret) => Buffer;

/**
 * Resolves values as they are, and references in a directory: `<name>` is a file, or a directory with a file for each key, as an orchestrator or a vault
 * mounts them. A secret that is changed there is new for the next task that starts.
 *
 * @param directory unset refuses references
 */
export function secretResolver(directory: string | undefined): SecretResolver {
  return ({ type, value, reference }) => {
    if (type === Secret_Type.VALUE) {
      if (value?.data === undefined) throw refuse('invalid', 'a secret of type VALUE must have a value');
      return value.data;
    }
    if (type !== Secret_Type.REFERENCE)
      throw refuse('invalid', 'a secret must be of type VALUE or REFERENCE');
    const { name = '', key } = reference ?? {};
    const shown = key === undefined ? `'${name}'` : `'${name}' (key '${key}')`;
    if (directory === undefined)
      throw refuse('conflict', `this agent cannot look up secret ${shown}: it has no --secret-directory`);
    for (const part of key === undefined ? [name] : [name, key])
      if (validateId('name', part) !== undefined)
        throw refuse('invalid', `the name and the key of secret ${shown} must be names of files`);
    return read(join(directory, name, key ?? ''), shown);
  };
}

/** The variables that a command brings, with what is in its secrets. */
export function variablesOf(
  command: CommandInfo | undefined,
  resolve: SecretResolver,
): readonly (readonly [string, string])[] {
  return (command?.environment?.variables ?? []).flatMap(({ name, value, secret }) => {
    if (name === undefined) return [];
    return [[name, secret === undefined ? (value ?? '') : textOf(name, resolve(secret))] as const];
  });
}

function textOf(name: string, secret: Buffer): string {
  if (secret.includes(0))
    throw new FailureError(
      failure('invalid', `the secret of environment variable '${name}' must not contain the character NUL`, {
        field: 'command.environment',
      }),
    );
  return secret.toString('utf8');
}

function read(path: string, shown: string): Buffer {
  let data: Buffer;
  try {
    data = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'there is none' : (code ?? 'it cannot be read');
    throw refuse('conflict', `secret ${shown} cannot be read: ${why}`);
  }
  if (data.length > secretBytesMax)
    throw refuse('invalid', `secret ${shown} must not be larger than ${secretBytesMax} bytes`);
  return data;
}

function refuse(kind: 'invalid' | 'conflict', message: string): FailureError {
  return new FailureError(failure(kind, message, { field: 'secret' }));
}
