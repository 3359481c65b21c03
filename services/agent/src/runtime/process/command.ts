import { basename } from 'node:path';
import { failure, type Failure } from '@meseta/model';
import type { ContainerSpec } from '../container-runtime';

/** What a shell is told to run. */
export interface Argv {
  readonly argv: readonly string[];
  readonly argv0?: string;
}

/**
 * The words of a command (E40): a shell's by default, else the program with its arguments, of which the first is the name that the program finds as its own, as
 * with execvp(3).
 */
export function argvOf(spec: ContainerSpec): Argv | Failure {
  const { command } = spec;
  if (command?.value === undefined || command.value === '') {
    return failure('invalid', 'the task must have a command with a value', { field: 'command.value' });
  }
  const texts = [command.value, ...command.arguments, ...spec.environment.values()];
  if (texts.some((text) => text.includes('\u0000'))) {
    return failure('invalid', 'command and environment must not contain the character NUL', {
      field: 'command',
    });
  }
  for (const name of spec.environment.keys()) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      const rule = `environment variable '${name}' must consist of letters, digits and underscores`;
      return failure('invalid', rule, { field: 'command.environment' });
    }
  }
  if (command.shell !== false) return { argv: ['/bin/sh', '-c', command.value] };
  const [argv0, ...rest] = command.arguments;
  const argv = [command.value, ...rest];
  return argv0 === undefined || basename(argv0) === basename(command.value) ? { argv } : { argv, argv0 };
}
