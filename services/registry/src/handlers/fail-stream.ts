import type { status } from '@grpc/grpc-js';
import type { Failure } from '@meseta/model';
import { toServiceError } from '@meseta/kit';

/**
 * Ends a stream of this server with a failure. `code` replaces the status that the failure's kind has.
 *
 * By the event and not by `destroy`: grpc-js sends the status of a stream when it ends, which a destroyed one never does.
 */
export function failStream(
  stream: { emit(event: 'error', error: Error): boolean },
  failed: Failure,
  code?: status,
): void {
  const error = toServiceError(failed);
  stream.emit('error', code === undefined ? error : Object.assign(error, { code }));
}
