import type { Failure } from '@meseta/model';

/**
 * What promise-returning functions throw where synchronous ones return a `Failure`.
 *
 * Compare `error.failure.kind`, not the class: under Jest two copies of a class may meet. `isFailureError` does.
 */
export class FailureError extends Error {
  override readonly name = 'FailureError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Whether something that was caught is a `FailureError`, of whichever copy of the class. */
export function isFailureError(error: unknown): error is FailureError {
  return error instanceof Error && error.name === 'FailureError' && 'failure' in error;
}
