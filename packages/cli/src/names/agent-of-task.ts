import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';
import { agentRows, taskRows } from '../commands/view';
import { withOperator, type CliContext } from '../context';
import { resolveName } from './resolve';

/** A task, and where its agent is reached. */
export interface TaskPlace {
  /** The agent's gRPC address, host:port. */
  readonly address: string;
  readonly frameworkId: string;
  readonly taskId: string;
}

/** Finds a task by its id or the beginning of it, and the agent that has it. */
export function agentOfTask(
  context: CliContext,
  given: string,
  flags: { readonly master: string },
): Promise<TaskPlace> {
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
