import type { CliContext } from '../context';
import { readOfTask } from '../names/agent-of-task';

/** What `meseta logs` can be told. */
export interface LogsFlags {
  readonly master: string;
  readonly follow?: boolean;
  readonly stderr?: boolean;
  /** Only the last so many bytes. */
  readonly tail?: number;
}

/** `meseta logs ID`: a task's output, as it wrote it. */
export function showLogs(context: CliContext, given: string, flags: LogsFlags): Promise<void> {
  return readOfTask(context, given, flags, async (agent, name) => {
    const pieces = agent.readLog({
      ...name,
      stream: flags.stderr === true ? 'stderr' : 'stdout',
      follow: flags.follow ?? false,
      offset: flags.tail === undefined ? 0 : -flags.tail,
    });
    for await (const { data } of pieces) context.out.write(data);
  });
}
