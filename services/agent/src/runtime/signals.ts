import { constants } from 'node:os';

/**
 * The signal that ended a program, by the status that a shell or the Docker daemon gives it: 128 and its number.
 *
 * A program may exit with such a status by itself; nobody can tell the two apart.
 */
export function signalName(status: number): string | undefined {
  if (status <= 128) return undefined;
  return Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
}
