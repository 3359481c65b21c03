import { once } from 'node:events';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { failure } from '@meseta/model';
import { FailureError, isFailureError, toServiceError } from '@meseta/kit';
import type { ExecRequest, ExecResponse, ExecStart } from '@meseta/protocol';
import type { Readable } from 'node:stream';
import type { ExecSession } from '../runtime/container-runtime';
import type { AgentView } from './agent-view';
import { passOn } from './pass-on';
import { runningTask, type SpecOf } from './running-task';

type Call = ServerDuplexStream<ExecRequest, ExecResponse>;

/** Runs a command beside a task for somebody who sits at the other end of a stream. */
export function execHandler(view: AgentView, specOf: SpecOf) {
  return (call: Call): void => {
    let session: ExecSession | undefined;
    let started = false;
    const fail = (error: unknown): void => {
      session?.end();
      const answer = isFailureError(error) ? error.failure : failure('bug', 'the command could not be run');
      call.emit('error', toServiceError(answer));
    };
    call.on('cancelled', () => session?.end());
    call.on('error', () => session?.end());
    call.on('data', ({ request }: ExecRequest) => {
      switch (request?.$case) {
        case 'start':
          if (started) return;
          started = true;
          // What is typed before the command is there waits in the stream.
          call.pause();
          start(view, specOf, request.value)
            .then(async (running) => {
              session = running;
              call.resume();
              await Promise.all([
                forward(call, running.stdout, 'stdout'),
                forward(call, running.stderr, 'stderr'),
              ]);
              call.write({ response: { $case: 'exitStatus', value: await running.exited } });
              call.end();
            })
            .catch(fail);
          return;
        case 'stdin':
          if (session !== undefined) passOn(call, session.stdin, request.value);
          return;
        case 'stdinEnd':
          session?.stdin.end();
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

async function start(view: AgentView, specOf: SpecOf, request: ExecStart): Promise<ExecSession> {
  const { spec, runtime } = runningTask(view, specOf, request);
  if (request.command.length === 0)
    throw new FailureError(failure('invalid', 'command must not be empty', { field: 'command' }));
  return runtime.exec(spec, request.command, request.terminal);
}

async function forward(call: Call, from: Readable, name: 'stdout' | 'stderr'): Promise<void> {
  for await (const data of from as AsyncIterable<Buffer>)
    if (!call.write({ response: { $case: name, value: data } })) await once(call, 'drain');
}
