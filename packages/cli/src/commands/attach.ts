import type { CliContext } from '../context';
import { readOfTask } from '../names/agent-of-task';

/** `meseta attach ID`: what a task prints from now on, both its outputs, until it has ended or ctrl-C. */
export function attach(
  context: CliContext,
  given: string,
  flags: { readonly master: string },
): Promise<void> {
  return readOfTask(context, given, flags, async (agent, name) => {
    const follow = async (stream: 'stdout' | 'stderr', write: (data: Buffer) => void): Promise<void> => {
      const { size } = await agent.readFile(name.frameworkId, name.taskId, stream, 0, 1);
      for await (const { data } of agent.readLog({ ...name, stream, follow: true, offset: Number(size) }))
        write(data);
    };
    await Promise.all([
      follow('stdout', (data) => context.out.write(data)),
      follow('stderr', (data) => context.err.write(data.toString())),
    ]);
  });
}
