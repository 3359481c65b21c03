import { FailureError, parseDurationMs } from '@meseta/kit';
import { failure, isFailure, nanosecondsOf } from '@meseta/model';
import { Task } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { resolveName } from '../names/resolve';
import { taskRows } from './view';

/** What `meseta kill` can be told. */
export interface KillFlags extends ClusterFlags {
  /** How long the task may take to end before it is cut off. */
  readonly grace?: string;
}

/** `meseta kill ID`: asks for a task to end. */
export function killTask(context: CliContext, given: string, flags: KillFlags): Promise<void> {
  const graceMs = flags.grace === undefined ? undefined : parseDurationMs(flags.grace);
  if (isFailure(graceMs)) throw new FailureError(failure('invalid', `--grace: ${graceMs.message}`));
  return withOperator(context, flags, async (operator) => {
    const { id, task, completed } = resolveName('task', given, taskRows(await operator.tasks()));
    if (completed) throw new FailureError(failure('conflict', `task ${id} has ended already`));
    const name = {
      taskId: id,
      ...(task.frameworkId?.value === undefined ? {} : { frameworkId: task.frameworkId.value }),
    };
    const killed = await operator.killTask(
      name,
      graceMs === undefined ? undefined : { gracePeriod: { nanoseconds: nanosecondsOf(graceMs) } },
    );
    print(
      context,
      flags.output,
      killed === undefined ? {} : Task.toJSON(killed),
      () => `killing task ${id}\n`,
    );
  });
}
