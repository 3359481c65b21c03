/** An invariant of ours was broken: not the caller's fault, and not to be handled where it happens. */
export class BugError extends Error {
  readonly kind = 'bug';

  constructor(message: string) {
    super(message);
    this.name = 'BugError';
  }
}

/** States what must be true if our own code is right. Throws a {@link BugError} otherwise; the world's faults are Failures. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BugError(message);
}

/** The end of a switch that must have covered every case; a new case does not compile until it is placed. */
export function assertNever(value: never): never {
  throw new BugError(`a case was not covered: ${String(value)}`);
}
