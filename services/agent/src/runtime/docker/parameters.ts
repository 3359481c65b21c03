import { failure, type Failure } from '@meseta/model';
import type { Parameter } from '@meseta/protocol';
import type { Draft } from './draft';
import { parameterTable } from './parameter-table';

/** What of an agent decides on parameters. */
export interface ParameterRules {
  /** Whether a container may have powers over the machine (`--docker-allow-privileged`). */
  readonly allowPrivileged: boolean;
}

/**
 * Sets what a framework gives as options of `docker run` (`docker.parameters`). Mesos hands them to Docker's command line; the daemon is told here without
 * one, so each option has its place in a table, and one that has none is refused by name.
 *
 * @see https://docs.docker.com/reference/cli/docker/container/run/
 */
export function applyParameters(
  draft: Draft,
  parameters: readonly Parameter[],
  { allowPrivileged }: ParameterRules,
): Failure | undefined {
  for (const { key = '', value = '' } of parameters) {
    const refuse = (kind: 'invalid' | 'denied', rule: string): Failure =>
      failure(kind, `docker parameter '${key}' ${rule}`, { field: 'container.docker.parameters' });
    const option = Object.hasOwn(parameterTable, key) ? parameterTable[key] : undefined;
    if (option === undefined) return refuse('invalid', 'is not one that this agent knows');
    if ('refused' in option) return refuse('invalid', `is not for frameworks: ${option.refused}`);
    if (value.includes('\0')) return refuse('invalid', 'must not contain the character NUL');
    const isPower = typeof option.power === 'function' ? option.power(value) : option.power === true;
    if (isPower && !allowPrivileged)
      return refuse('denied', `with the value '${value}' needs an agent with --docker-allow-privileged`);
    const wrong = option.apply(draft, value);
    if (wrong !== undefined) return refuse('invalid', `must ${wrong.rule}, not '${value}'`);
  }
  return undefined;
}
