import { basename } from 'node:path';
import { failure, type Failure } from '@meseta/model';
import type { CommandInfo } from '@meseta/protocol';
import type { ImageConfig } from '../../images/manifest';
import type { ContainerSpec } from '../container-runtime';

/** What a shell is told to run. */
export interface Argv {
  readonly argv: readonly string[];
  readonly argv0?: string;
}

/**
 * The words of a command (E40): a shell's by default, else the program with its arguments, of which the first is the name that the program finds as its own, as
 * with execvp(3). Without a value it is what the image runs (G63): its entrypoint with the arguments, or with its own where there are none.
 *
 * @param image what the command's image says; unset for a command that is not an image's own
 */
export function argvOf(
  spec: Pick<ContainerSpec, 'command' | 'environment'>,
  image: ImageConfig | undefined,
): Argv | Failure {
  const command = withImage(spec.command, image);
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

function withImage(
  command: CommandInfo | undefined,
  image: ImageConfig | undefined,
): CommandInfo | undefined {
  if (command === undefined || command.value || command.shell !== false || image === undefined)
    return command;
  const { entrypoint, command: own } = image;
  const given = command.arguments;
  const words =
    entrypoint.length > 0 ? [...entrypoint, ...(given.length > 0 ? given : own)] : [...own, ...given];
  const [value] = words;
  return value === undefined ? command : { ...command, value, arguments: words };
}
