import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';
import { AgentClient } from '@meseta/sdk';
import { agentRows, taskRows } from '../commands/view';
import { withOperator, type CliContext } from '../context';
import { resolveName } from './resolve';

/** A task as its agent knows it. */
export interface TaskName {
  readonly frameworkId: string;
  readonly taskId: string;
}

/** Does something with the agent of a task, which is named by its id or the beginning of it, and lets go of it afterwards. */
export async function withAgentOfTask<T>(
  context: CliContext,
  given: string,
  flags: { readonly master: string },
  act: (agent: AgentClient, name: TaskName) => Promise<T>,
): Promise<T> {
  const { address, ...name } = await agentOfTask(context, given, flags);
  const agent = new AgentClient(address);
  try {
    return await act(agent, name);
  } finally {
    agent.close();
  }
}

/** What a task writes, read until it ends. A reader that leaves, as `head` does or a ctrl-C, ends it; what was printed is right. */
export function readOfTask(
  context: CliContext,
  given: string,
  flags: { readonly master: string },
  read: (agent: AgentClient, name: TaskName) => Promise<void>,
): Promise<void> {
  return withAgentOfTask(context, given, flags, async (agent, name) => {
    let interrupted = false;
    const release = context.onInterrupt(() => {
      interrupted = true;
      agent.close();
    });
    try {
      await read(agent, name);
    } catch (error) {
      if (!interrupted) throw error;
    } finally {
      release();
    }
  });
}

/** Finds a task, and the gRPC address of the agent that has it. */
function agentOfTask(
  context: CliContext,
  given: string,
  flags: { readonly master: string },
): Promise<TaskName & { readonly address: string }> {
  return withOperator(context, flags, async (operator) => {
    const { id, task } = resolveName('task', given, taskRows(await operator.tasks()));
    const agent = (await agentRows(operator)).find((row) => row.id === task.agentId?.value);
    const address = agent?.status.grpcAddress ?? '';
    if (address === '') {
      const host = agent?.name ?? task.agentId?.value ?? 'no agent';
      throw new FailureError(failure('conflict', `the agent of task ${id} (${host}) is not connected now`));
    }
    return { address, frameworkId: task.frameworkId?.value ?? '', taskId: id };
  });
}
