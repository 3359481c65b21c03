import { randomUUID } from 'node:crypto';
import {
  Metadata,
  type CallOptions,
  type ClientUnaryCall,
  type ServiceError,
  type handleUnaryCall,
} from '@grpc/grpc-js';
import { failure } from '@meseta/model';
import { FailureError, isFailureError } from '../failure-error';
import { failureOf, toServiceError } from './service-error';

/** What a handler may know about the call it answers. */
export interface UnaryCall {
  readonly metadata: Metadata;
  /** The caller's address, as `127.0.0.1:53211`. */
  readonly peer: string;
  /** How many milliseconds the caller will still wait, if it said. */
  readonly deadlineMs?: number;
  /** Aborted when the caller gives up, so that work nobody waits for can end. */
  readonly signal: AbortSignal;
}

/**
 * A service error that hides a fault of ours. The server logs `cause` under `incidentId`; the caller is told only the id.
 */
export interface IncidentError extends ServiceError {
  readonly incidentId: string;
  readonly cause: unknown;
}

/**
 * Makes a gRPC handler of an async function. A `FailureError` is answered with its status; anything else is a fault
 * of ours, is answered with INTERNAL and an id, and is logged under that id by the server.
 */
export function unaryHandler<Req, Res>(
  fn: (request: Req, call: UnaryCall) => Promise<Res>,
): handleUnaryCall<Req, Res> {
  return (call, callback) => {
    const controller = new AbortController();
    call.on('cancelled', () => controller.abort());
    const deadline = call.getDeadline();
    const deadlineMs = Number(deadline) - Date.now();
    const context: UnaryCall = {
      metadata: call.metadata,
      peer: call.getPeer(),
      signal: controller.signal,
      ...(Number.isFinite(deadlineMs) ? { deadlineMs } : {}),
    };
    answer(fn, call.request, context).then(
      (response) => callback(null, response),
      (error: unknown) => callback(isFailureError(error) ? toServiceError(error.failure) : incidentOf(error)),
    );
  };
}

/** Calls `fn` so that what it throws synchronously rejects as well. */
async function answer<Req, Res>(
  fn: (request: Req, call: UnaryCall) => Promise<Res>,
  request: Req,
  context: UnaryCall,
): Promise<Res> {
  return fn(request, context);
}

function incidentOf(cause: unknown): IncidentError {
  const incidentId = randomUUID();
  const answered = toServiceError(
    failure('bug', `internal error; the server logged it as incident ${incidentId}`),
  );
  return Object.assign(answered, { incidentId, cause });
}

/** Whether a handler's error hides a fault that must be logged. */
export function isIncident(error: unknown): error is IncidentError {
  return error instanceof Error && 'incidentId' in error;
}

/** The call of a generated client, bound to it: `client.accept.bind(client)`. */
export type UnaryMethod<Req, Res> = (
  request: Req,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Res) => void,
) => ClientUnaryCall;

/** How a call may be limited. */
export interface CallUnaryOptions {
  /** How long to wait for the answer. Ten seconds if unset. */
  readonly deadlineMs?: number;
  readonly metadata?: Metadata;
  /** Gives the call up when aborted. */
  readonly signal?: AbortSignal;
}

/** How long a call may take when its caller does not say. */
export const callDeadlineMs = 10_000;

/** Makes one unary call as a promise. Rejects with a `FailureError`, whatever went wrong. */
export function callUnary<Req, Res>(
  method: UnaryMethod<Req, Res>,
  request: Req,
  options: CallUnaryOptions = {},
): Promise<Res> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + (options.deadlineMs ?? callDeadlineMs);
    const cancel = (): void => call.cancel();
    const call = method(request, options.metadata ?? new Metadata(), { deadline }, (error, response) => {
      options.signal?.removeEventListener('abort', cancel);
      if (error === null) resolve(response);
      else if (options.signal?.aborted === true)
        reject(new FailureError(failure('conflict', 'the call was given up')));
      else reject(new FailureError(failureOf(error)));
    });
    if (options.signal?.aborted === true) cancel();
    else options.signal?.addEventListener('abort', cancel, { once: true });
  });
}
