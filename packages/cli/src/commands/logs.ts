import { AgentClient } from '@meseta/sdk';
import type { CliContext } from '../context';
import { agentOfTask } from '../names/agent-of-task';

/** What `meseta logs` can be told. */
export interface LogsFlags {
  readonly master: string;
  readonly follow?: boolean;
  readonly stderr?: boolean;
  /** Only the last so many bytes. */
  readonly tail?: number;
}

/** `meseta logs ID`: a task's output, as it wrote it. */
export async function showLogs(context: CliContext, given: string, flags: LogsFlags): Promise<void> {
  const { address, ...query } = await agentOfTask(context, given, flags);
  const agent = new AgentClient(address);
  // A reader that leaves, as `head` does or a ctrl-C, ends the stream; what was printed is right.
  let interrupted = false;
  const release = context.onInterrupt(() => {
    interrupted = true;
    agent.close();
  });
  try {
    const pieces = agent.readLog({
      ...query,
      stream: flags.stderr === true ? 'stderr' : 'stdout',
      follow: flags.follow ?? false,
      offset: flags.tail === undefined ? 0 : -flags.tail,
    });
    for await (const { data } of pieces) context.out.write(data);
  } catch (error) {
    if (!interrupted) throw error;
  } finally {
    release();
    agent.close();
  }
}
