import { master as v1 } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { resolveName } from '../names/resolve';
import { renderTable } from '../output/table';
import { ageWord, resourcesWord, stateWord } from '../output/words';
import { agentRows, frameworkRows, lastStatus, namesOf, taskRows } from './view';

/** What `meseta tasks` can be told. */
export interface TasksFlags extends ClusterFlags {
  /** Lists those that have ended as well. */
  readonly all?: boolean;
  /** Of this framework only. */
  readonly framework?: string;
}

/** `meseta tasks`: what runs, and where. */
export function listTasks(context: CliContext, flags: TasksFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const frameworks = frameworkRows(await operator.frameworks());
    const frameworkId = flags.framework && resolveName('framework', flags.framework, frameworks).id;
    const answer = await operator.tasks(frameworkId === undefined ? {} : { frameworkId });
    const hostOf = namesOf(await agentRows(operator));
    const frameworkOf = namesOf(frameworks);
    const rows = taskRows(answer).filter((row) => flags.all === true || !row.completed);
    print(
      context,
      flags.output,
      v1.Response_GetTasks.toJSON(answer ?? v1.Response_GetTasks.fromPartial({})),
      () =>
        renderTable(
          ['ID', 'NAME', 'STATE', 'FRAMEWORK', 'HOST', 'RESOURCES', 'SINCE'],
          rows.map(({ id, name, task }) => [
            id,
            name,
            stateWord(task.state),
            frameworkOf(task.frameworkId?.value),
            hostOf(task.agentId?.value),
            resourcesWord(task.resources),
            ageWord((lastStatus(task)?.timestamp ?? 0) * 1000, context.nowMs()),
          ]),
          flags.all === true ? 'no tasks' : 'no tasks are running (--all lists those that have ended)',
        ),
    );
  });
}
