import { FailureError, failureOf } from '@meseta/kit';
import type { ExecRequest, ExecResponse } from '@meseta/protocol';
import type { CliContext } from '../context';
import { withAgentOfTask } from '../names/agent-of-task';

/** What `meseta exec` can be told. */
export interface ExecFlags {
  readonly master: string;
  /** Hand over what is typed. */
  readonly interactive?: boolean;
  /** Give the command a terminal. */
  readonly tty?: boolean;
}

/** `meseta exec ID COMMAND…`: runs a command beside a task. @returns the command's exit status */
export function exec(
  context: CliContext,
  given: string,
  command: readonly string[],
  flags: ExecFlags,
): Promise<number> {
  return withAgentOfTask(context, given, flags, async (agent, { frameworkId, taskId }) => {
    const { input } = context;
    const terminal = flags.tty === true ? (input?.size() ?? { rows: 24, columns: 80 }) : undefined;
    const stream = agent.exec();
    const send = (request: NonNullable<ExecRequest['request']>): void => void stream.write({ request });
    const releases: (() => void)[] = [context.onInterrupt(() => stream.cancel())];
    try {
      send({
        $case: 'start',
        value: {
          frameworkId: { value: frameworkId },
          taskId: { value: taskId },
          command: [...command],
          terminal,
        },
      });
      if (flags.interactive === true && input !== undefined) {
        releases.push(
          input.open({
            raw: terminal !== undefined,
            onData: (value) => send({ $case: 'stdin', value }),
            onEnd: () => send({ $case: 'stdinEnd', value: {} }),
            onResize: (value) => send({ $case: 'windowSize', value }),
          }),
        );
      } else {
        send({ $case: 'stdinEnd', value: {} });
      }
      let status = 0;
      for await (const { response } of stream as AsyncIterable<ExecResponse>) {
        if (response?.$case === 'stdout') context.out.write(response.value);
        else if (response?.$case === 'stderr') context.err.write(response.value.toString());
        else if (response?.$case === 'exitStatus') status = response.value;
      }
      return status;
    } catch (error) {
      throw new FailureError(failureOf(error));
    } finally {
      for (const release of releases) release();
    }
  });
}
