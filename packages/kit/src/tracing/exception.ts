import { isFailure, type Failure } from '@meseta/model';
import { isFailureError } from '../failure-error';
import type { Attributes } from './tracing';

/** Something that went wrong without anybody throwing: its type is a word of the message that told it, as a task's reason. */
export interface NamedError {
  readonly type: string;
  readonly message: string;
}

/** What a span may end with. What was caught is `unknown`. */
export type SpanError = NamedError | Failure | Error | string;

/**
 * The attributes of an `exception` event. A failure is expected, so its kind says all; what nobody expected has its stack.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
 */
export function exceptionOf(error: unknown): Attributes {
  const message = { 'exception.message': messageOf(error) };
  if (isFailureError(error)) return { 'exception.type': error.failure.kind, ...message };
  if (isFailure(error)) return { 'exception.type': error.kind, ...message };
  if (isNamed(error)) return { 'exception.type': error.type, ...message };
  if (!(error instanceof Error)) return message;
  return { 'exception.type': error.name, ...message, 'exception.stacktrace': error.stack ?? '' };
}

/** What a span's status says of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error || isFailure(error) || isNamed(error) ? error.message : String(error);
}

function isNamed(error: unknown): error is NamedError {
  return typeof error === 'object' && error !== null && 'type' in error && 'message' in error;
}
