import { failure, type Failure } from '@meseta/model';
import type { CommandInfo } from '@meseta/protocol';
import { validateSecret } from './secret';

/** What a command fetches and finds in its environment (S94). */
export function validateCommand(command: CommandInfo | undefined, field = 'command'): Failure | undefined {
  for (const { value } of command?.uris ?? [])
    if ((value ?? '') === '') return refuse(`${field}.uris`, 'must have values');
  for (const variable of command?.environment?.variables ?? []) {
    const name = variable.name ?? '';
    if (name === '' || name.includes('=') || name.includes('\0')) {
      return refuse(
        `${field}.environment`,
        `variable name '${name}' must not be empty nor hold = or a null character`,
      );
    }
    if (variable.value !== undefined && variable.secret !== undefined)
      return refuse(`${field}.environment`, `variable ${name} must not have both a value and a secret`);
    const invalid = validateSecret(variable.secret);
    if (invalid !== undefined) return refuse(`${field}.environment`, `variable ${name} ${invalid}`);
  }
  return undefined;
}

function refuse(field: string, rule: string): Failure {
  return failure('invalid', `${field} ${rule}`, { field });
}
