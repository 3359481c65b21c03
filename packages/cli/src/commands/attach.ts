import { AgentClient } from '@meseta/sdk';
import type { CliContext } from '../context';
import { agentOfTask } from '../names/agent-of-task';

/** `meseta attach ID`: what a task prints from now on, both its outputs, until it has ended or ctrl-C. */
export async function attach(
  context: CliContext,
  given: string,
  flags: { readonly master: string },
): Promise<void> {
  const { address, ...query } = await agentOfTask(context, given, flags);
  const agent = new AgentClient(address);
  let interrupted = false;
  const release = context.onInterrupt(() => {
    interrupted = true;
    agent.close();
  });
  const follow = async (stream: 'stdout' | 'stderr', write: (data: Buffer) => void): Promise<void> => {
    const { size } = await agent.readFile(query.frameworkId, query.taskId, stream, 0, 1);
    for await (const { data } of agent.readLog({ ...query, stream, follow: true, offset: Number(size) }))
      write(data);
  };
  try {
    await Promise.all([
      follow('stdout', (data) => context.out.write(data)),
      follow('stderr', (data) => context.err.write(data.toString())),
    ]);
  } catch (error) {
    if (!interrupted) throw error;
  } finally {
    release();
    agent.close();
  }
}
