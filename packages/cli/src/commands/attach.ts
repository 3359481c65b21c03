import { FailureError, failureOf } from '@meseta/kit';
import type { AttachRequest, AttachResponse } from '@meseta/protocol';
import type { CliContext, CliInput } from '../context';
import { withAgentOfTask } from '../names/agent-of-task';

/** What `meseta attach` can be told. */
export interface AttachFlags {
  readonly master: string;
  /** Hand over what is typed. */
  readonly interactive?: boolean;
}

type Send = (request: NonNullable<AttachRequest['request']>) => void;

/** ctrl-P ctrl-Q, as with Docker: leaves, and the task runs on. */
const leaveKeys = Buffer.from([0x10, 0x11]);
/** ctrl-D: what a terminal takes for the end of what is typed. */
const endKey = Buffer.from([0x04]);

/** `meseta attach ID`: what a task prints from now on, both its outputs, until it has ended or ctrl-C; with -i, what is typed goes to its terminal. */
export function attach(context: CliContext, given: string, flags: AttachFlags): Promise<void> {
  return withAgentOfTask(context, given, flags, async (agent, { frameworkId, taskId }) => {
    const input = flags.interactive === true ? context.input : undefined;
    const stream = agent.attach();
    const send: Send = (request) => void stream.write({ request });
    let left = false;
    const leave = (): void => {
      left = true;
      stream.cancel();
    };
    const releases = [context.onInterrupt(leave)];
    try {
      const names = { frameworkId: { value: frameworkId }, taskId: { value: taskId } };
      send({ $case: 'start', value: { ...names, terminal: input?.size() } });
      if (input !== undefined) releases.push(typeTo(input, send, leave));
      for await (const { response } of stream as AsyncIterable<AttachResponse>) {
        if (response?.$case === 'stdout') context.out.write(response.value);
        else if (response?.$case === 'stderr') context.err.write(response.value.toString());
      }
    } catch (error) {
      if (!left) throw new FailureError(failureOf(error));
    } finally {
      for (const release of releases) release();
    }
  });
}

function typeTo(input: CliInput, send: Send, leave: () => void): () => void {
  const raw = input.size() !== undefined;
  let last: number | undefined;
  return input.open({
    raw,
    onData: (value) => {
      const seen = last === undefined ? value : Buffer.concat([Buffer.from([last]), value]);
      last = value.at(-1);
      if (raw && seen.includes(leaveKeys)) leave();
      else send({ $case: 'stdin', value });
    },
    onEnd: () => send({ $case: 'stdin', value: endKey }),
    onResize: (value) => send({ $case: 'windowSize', value }),
  });
}
