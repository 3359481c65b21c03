import { once } from 'node:events';
import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import { failure } from '@meseta/model';
import { FailureError, isFailureError, toServiceError } from '@meseta/kit';
import { LogStream, type ReadLogRequest, type ReadLogResponse } from '@meseta/protocol';
import { setTimeout as pause } from 'node:timers/promises';
import { followFile } from '../logs/follow';
import { findInSandbox } from '../sandbox/browse';
import { isLive, sandboxOf, type AgentView } from './agent-view';
import { namesOf } from './names';

/** How often a task that has just been launched is asked whether it has an output by now. */
const appearMs = 50;

type Call = ServerWritableStream<ReadLogRequest, ReadLogResponse>;

/** Sends a task's output piece by piece, at the speed of whoever reads it. */
export function readLog(view: AgentView): handleServerStreamingCall<ReadLogRequest, ReadLogResponse> {
  return (call) => {
    const controller = new AbortController();
    call.on('cancelled', () => controller.abort());
    call.on('close', () => controller.abort());
    send(view, call, controller.signal).then(
      () => call.end(),
      (error: unknown) => {
        if (controller.signal.aborted) return;
        const answer = isFailureError(error) ? error.failure : failure('bug', 'the output could not be read');
        call.emit('error', toServiceError(answer));
      },
    );
  };
}

async function send(view: AgentView, call: Call, signal: AbortSignal): Promise<void> {
  const { request } = call;
  const { frameworkId, taskId } = namesOf(request);
  const name = request.stream === LogStream.STDERR ? 'stderr' : 'stdout';
  const mayGrow = (): boolean => request.follow && isLive(view, frameworkId, taskId);
  const sandbox = sandboxOf(view, frameworkId, taskId);
  const path = await appear(() => findInSandbox(sandbox, name), mayGrow, signal);
  for await (const { offset, data } of followFile({
    path,
    offset: Number(request.offset),
    isGrowing: mayGrow,
    signal,
  })) {
    if (!call.write({ offset: BigInt(offset), data })) await once(call, 'drain', { signal });
  }
}

/** Finds the output; of a task that is still being started it may not be there yet. */
async function appear(
  find: () => Promise<string>,
  mayAppear: () => boolean,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    const last = !mayAppear();
    try {
      return await find();
    } catch (error) {
      const absent = error instanceof FailureError && error.failure.kind === 'notFound';
      if (last || !absent || signal.aborted) throw error;
      await pause(appearMs);
    }
  }
}
