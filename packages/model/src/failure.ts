/** Every way a request can fail, named for what the caller should do next. */
export type FailureKind =
  | 'invalid' // Wrong whatever the state. Fix the caller.
  | 'notFound' // The named thing does not exist, or no longer does.
  | 'alreadyExists'
  | 'conflict' // Valid, but not now: the offer was rescinded, the agent is draining.
  | 'fenced' // We stopped being leader while working. Read again, then decide again.
  | 'notLeader' // Ask the leader; the detail names it. Retry there.
  | 'overloaded' // A quota or queue is full. Back off.
  | 'denied'
  | 'unsupported' // This version never will. Do without.
  | 'bug'; // An invariant broke here. The message is for our log, not the caller.

/** Every kind once, so that tables over all kinds can be built and tested. */
export const failureKinds: readonly FailureKind[] = [
  'invalid',
  'notFound',
  'alreadyExists',
  'conflict',
  'fenced',
  'notLeader',
  'overloaded',
  'denied',
  'unsupported',
  'bug',
];

/** What a failure carries besides its sentence. */
export interface FailureDetail {
  /** Where the leader is, `host:port`; only with the kind `notLeader`, and only if one is known. */
  readonly leader?: string;
  /** The field of the request that broke a rule; only with the kind `invalid`. */
  readonly field?: string;
}

/**
 * A refusal as a value: functions return `T | Failure` where the world may say no.
 *
 * The message is one line that names the field and the rule, fit to be shown to whoever asked.
 */
export interface Failure {
  readonly failure: true;
  readonly kind: FailureKind;
  readonly message: string;
  readonly detail?: FailureDetail;
}

/** Makes a failure. */
export function failure(kind: FailureKind, message: string, detail?: FailureDetail): Failure {
  return detail === undefined ? { failure: true, kind, message } : { failure: true, kind, message, detail };
}

/** Whether a result is a failure. Compares a mark and not the class, because jest realms have classes of their own. */
export function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && (value as { failure?: unknown }).failure === true;
}
