import { Task, type TaskStatus } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { resolveName } from '../names/resolve';
import { renderFacts, renderTable } from '../output/table';
import { nothing, resourcesWord, stateWord, timeWord } from '../output/words';
import { agentRows, frameworkRows, namesOf, taskRows } from './view';

/** `meseta task ID`: all that is known of one task. */
export function showTask(context: CliContext, given: string, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const { task } = resolveName('task', given, taskRows(await operator.tasks()));
    const frameworkOf = namesOf(frameworkRows(await operator.frameworks()));
    const hostOf = namesOf(await agentRows(operator));
    print(
      context,
      flags.output,
      Task.toJSON(task),
      () => factsOf(task, frameworkOf, hostOf) + historyOf(task),
    );
  });
}

function factsOf(task: Task, frameworkOf: (id?: string) => string, hostOf: (id?: string) => string): string {
  const labels = task.labels?.labels.map(({ key, value }) => `${key}=${value ?? ''}`).join('\n');
  return renderFacts([
    ['id', task.taskId?.value],
    ['name', task.name],
    ['state', stateWord(task.state)],
    ['framework', `${frameworkOf(task.frameworkId?.value)} (${task.frameworkId?.value ?? nothing})`],
    ['agent', `${hostOf(task.agentId?.value)} (${task.agentId?.value ?? nothing})`],
    ['resources', resourcesWord(task.resources)],
    ['networks', networksOf(task)],
    ['user', task.user],
    ['image', task.container?.docker?.image ?? task.container?.mesos?.image?.docker?.name],
    ['labels', labels],
  ]);
}

/** The task's networks by name, and its addresses there, as the newest status tells; without a name it is the machine's. */
function networksOf({ statuses }: Task): string | undefined {
  const told = statuses.filter(({ containerStatus }) => containerStatus !== undefined);
  const newest = told.reduce<TaskStatus | undefined>(
    (one, other) => ((one?.timestamp ?? 0) > (other.timestamp ?? 0) ? one : other),
    undefined,
  );
  const lines = (newest?.containerStatus?.networkInfos ?? []).map(({ name, ipAddresses }) =>
    [name ?? 'host', ...ipAddresses.map(({ ipAddress }) => ipAddress ?? nothing)].join(' '),
  );
  return lines.length === 0 ? undefined : lines.join('\n');
}

function historyOf(task: Task): string {
  const rows = [...task.statuses]
    .sort((a, b) => (a.timestamp ?? 0) - (b.timestamp ?? 0))
    .map((status) => [
      timeWord((status.timestamp ?? 0) * 1000),
      stateWord(status.state),
      status.reason?.replace(/^REASON_/, '') ?? nothing,
      status.message ?? '',
    ]);
  return `\n${renderTable(['TIME', 'STATE', 'REASON', 'MESSAGE'], rows, 'no status was reported yet')}`;
}
