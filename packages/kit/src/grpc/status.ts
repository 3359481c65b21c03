import { status } from '@grpc/grpc-js';
import type { FailureKind } from '@meseta/model';

/** The one place where a failure becomes a gRPC status. Total: a new kind does not compile until it is placed. */
export const grpcStatusOf: Readonly<Record<FailureKind, status>> = {
  invalid: status.INVALID_ARGUMENT,
  notFound: status.NOT_FOUND,
  alreadyExists: status.ALREADY_EXISTS,
  conflict: status.FAILED_PRECONDITION,
  fenced: status.ABORTED,
  notLeader: status.UNAVAILABLE,
  overloaded: status.RESOURCE_EXHAUSTED,
  denied: status.PERMISSION_DENIED,
  unsupported: status.UNIMPLEMENTED,
  bug: status.INTERNAL,
};

/**
 * What a status means when the other side did not say which failure it was, named for what the caller does next:
 * a server that cannot be reached, or that cut a call off because it ends, is asked elsewhere (`notLeader`); one that
 * is late is left alone (`overloaded`).
 */
export const failureKindOf: Readonly<Record<status, FailureKind>> = {
  [status.OK]: 'bug',
  [status.CANCELLED]: 'notLeader',
  [status.UNKNOWN]: 'bug',
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.DEADLINE_EXCEEDED]: 'overloaded',
  [status.NOT_FOUND]: 'notFound',
  [status.ALREADY_EXISTS]: 'alreadyExists',
  [status.PERMISSION_DENIED]: 'denied',
  [status.RESOURCE_EXHAUSTED]: 'overloaded',
  [status.FAILED_PRECONDITION]: 'conflict',
  [status.ABORTED]: 'fenced',
  [status.OUT_OF_RANGE]: 'invalid',
  [status.UNIMPLEMENTED]: 'unsupported',
  [status.INTERNAL]: 'bug',
  [status.UNAVAILABLE]: 'notLeader',
  [status.DATA_LOSS]: 'bug',
  [status.UNAUTHENTICATED]: 'denied',
};
