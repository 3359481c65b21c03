import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { failure } from '@meseta/model';
import { FailureError, isFailureError, toServiceError } from '@meseta/kit';
import type { AttachRequest, AttachResponse, AttachStart } from '@meseta/protocol';
import { followFile } from '../logs/follow';
import type { AttachSession } from '../runtime/container-runtime';
import { findInSandbox } from '../sandbox/browse';
import { isLive, sandboxOf, type AgentView } from './agent-view';
import { namesOf } from './names';
import { passOn } from './pass-on';
import { runningTask, type SpecOf } from './running-task';

const noTerminal = new FailureError(
  failure('conflict', 'the task has no terminal: it was launched without tty_info'),
);

type Call = ServerDuplexStream<AttachRequest, AttachResponse>;

/** Tells somebody at the other end of a stream what a task prints, and types to it what they type, if it has a terminal. */
export function attachHandler(view: AgentView, specOf: SpecOf) {
  return (call: Call): void => {
    const controller = new AbortController();
    let session: AttachSession | undefined;
    let started = false;
    const leave = (): void => {
      controller.abort();
      session?.end();
    };
    const fail = (error: unknown): void => {
      if (controller.signal.aborted) return;
      const answer = isFailureError(error) ? error.failure : failure('bug', 'the task cannot be attached to');
      call.emit('error', toServiceError(answer));
    };
    const begin = async (start: AttachStart): Promise<void> => {
      const terminal = await terminalOf(view, specOf, start);
      // Before anything is typed: what that makes the task print is new.
      const outputs = await outputsOf(view, start);
      session = terminal;
      if (controller.signal.aborted) leave();
      call.resume();
      await tell(view, call, start, outputs, controller.signal);
      call.end();
    };
    call.on('cancelled', leave);
    call.on('error', leave);
    call.on('close', leave);
    call.on('data', ({ request }: AttachRequest) => {
      switch (request?.$case) {
        case 'start':
          if (started) return;
          started = true;
          // What is typed before the terminal is found waits in the stream.
          call.pause();
          begin(request.value).catch(fail);
          return;
        case 'stdin':
          if (session === undefined) fail(noTerminal);
          else passOn(call, session.stdin, request.value);
          return;
        case 'windowSize':
          void session?.resize(request.value);
          return;
        case undefined:
          return;
      }
    });
  };
}

/** @returns undefined for a task without a terminal */
async function terminalOf(
  view: AgentView,
  specOf: SpecOf,
  { frameworkId, taskId, terminal }: AttachStart,
): Promise<AttachSession | undefined> {
  const { spec, runtime } = runningTask(view, specOf, { frameworkId, taskId });
  if (spec.container?.ttyInfo === undefined) return undefined;
  const session = await runtime.attach(spec);
  if (terminal !== undefined) await session.resize(terminal);
  return session;
}

/** An output of a task, and how long it is now. */
interface Output {
  readonly name: 'stdout' | 'stderr';
  readonly path: string;
  readonly size: number;
}

async function outputsOf(view: AgentView, start: AttachStart): Promise<readonly Output[]> {
  const { frameworkId, taskId } = namesOf(start);
  const sandbox = sandboxOf(view, frameworkId, taskId);
  return Promise.all(
    (['stdout', 'stderr'] as const).map(async (name) => {
      const path = await findInSandbox(sandbox, name);
      return { name, path, size: (await stat(path)).size };
    }),
  );
}

/** Both outputs, to the end of the task. */
async function tell(
  view: AgentView,
  call: Call,
  start: AttachStart,
  outputs: readonly Output[],
  signal: AbortSignal,
): Promise<void> {
  const { frameworkId, taskId } = namesOf(start);
  const isGrowing = (): boolean => isLive(view, frameworkId, taskId);
  const follow = async ({ name, path, size }: Output): Promise<void> => {
    for await (const { data } of followFile({ path, offset: size, isGrowing, signal }))
      if (!call.write({ response: { $case: name, value: data } })) await once(call, 'drain', { signal });
  };
  await Promise.all(outputs.map(follow));
}
