import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';

/** The HTTP status of a refusal of the daemon; undefined when it was not the daemon that refused. */
export function statusCodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}

/** There is no such container, or not any more. */
export function isGone(error: unknown): boolean {
  return statusCodeOf(error) === 404;
}

/** It has ended already, or is being removed already: what was asked for is so. */
export function isDone(error: unknown): boolean {
  const code = statusCodeOf(error);
  return code === 404 || code === 409 || code === 304;
}

/** What went wrong, in one line for the task's framework. */
export function launchError(what: string, error: unknown): FailureError {
  if (error instanceof FailureError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const oneLine = message
    .replace(/^\(HTTP code \d+\) /, '')
    .replace(/\s*\n\s*/g, ' ')
    .trim();
  return new FailureError(failure('conflict', `${what}: ${oneLine}`));
}
