import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { failure, isFailure, type Failure, type FailureKind } from '@meseta/model';
import { isFailureError } from '../failure-error';
import { failureKindOf, grpcStatusOf } from './status';

/** Trailing metadata in which a failure keeps its kind across the wire. */
export const failureHeader = 'meseta-failure';
/** Trailing metadata that names the leader's address, if the failure is `notLeader` and one is known. */
export const leaderHeader = 'meseta-leader';
/** Trailing metadata that names the field that was wrong. */
export const fieldHeader = 'meseta-field';

/** Turns a failure into the error that a gRPC handler answers with. */
export function toServiceError(of: Failure): ServiceError {
  const metadata = new Metadata();
  metadata.set(failureHeader, of.kind);
  if (of.detail?.leader !== undefined) metadata.set(leaderHeader, of.detail.leader);
  if (of.detail?.field !== undefined) metadata.set(fieldHeader, of.detail.field);
  return Object.assign(new Error(of.message), { code: grpcStatusOf[of.kind], details: of.message, metadata });
}

/** Turns whatever was caught back into a failure. Total: an error that is none of ours becomes a `bug`. */
export function failureOf(error: unknown): Failure {
  if (isFailureError(error)) return error.failure;
  if (isFailure(error)) return error;
  if (!isServiceError(error)) return failure('bug', error instanceof Error ? error.message : String(error));
  const said = error.metadata?.get(failureHeader)[0]?.toString();
  const kind = isFailureKind(said) ? said : (failureKindOf[error.code] ?? 'bug');
  const leader = error.metadata?.get(leaderHeader)[0]?.toString();
  const field = error.metadata?.get(fieldHeader)[0]?.toString();
  const detail = { ...(leader === undefined ? {} : { leader }), ...(field === undefined ? {} : { field }) };
  return failure(
    kind,
    plainWords(error.details || error.message),
    Object.keys(detail).length === 0 ? undefined : detail,
  );
}

type LooseServiceError = Omit<ServiceError, 'metadata'> & { readonly metadata?: Metadata };

function isServiceError(error: unknown): error is LooseServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

function isFailureKind(text: string | undefined): text is FailureKind {
  return text !== undefined && text in grpcStatusOf;
}

/** The transport's words for a connection that failed repeat the address and the cause several times. */
function plainWords(details: string): string {
  const missing = /does not implement the method \/([\w.]+)\//.exec(details)?.[1];
  if (missing !== undefined)
    return `the server does not serve ${missing}: is this the address of another service?`;
  if (!details.startsWith('No connection established')) return details;
  const cause = /\b(E[A-Z]{4,})\b/.exec(details)?.[1];
  if (cause === 'ECONNREFUSED') return 'connection refused';
  return cause === undefined ? details : `no connection (${cause})`;
}
