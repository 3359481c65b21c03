import { master as v1 } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { resolveName } from '../names/resolve';
import { renderFacts, renderTable } from '../output/table';
import {
  nothing,
  numberWord,
  resourcesWord,
  scalarOf,
  stateWord,
  timeInfoMs,
  timeWord,
} from '../output/words';
import { agentRows, frameworkRows, namesOf, taskRows, type FrameworkRow } from './view';

/** What `meseta frameworks` can be told. */
export interface FrameworksFlags extends ClusterFlags {
  /** Lists those that have ended as well. */
  readonly all?: boolean;
}

/** `meseta frameworks`: who uses the cluster. */
export function listFrameworks(context: CliContext, flags: FrameworksFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const answer = await operator.frameworks();
    const tasks = taskRows(await operator.tasks()).filter((row) => !row.completed);
    const rows = frameworkRows(answer).filter((row) => flags.all === true || !row.completed);
    const json = v1.Response_GetFrameworks.toJSON(answer ?? v1.Response_GetFrameworks.fromPartial({}));
    print(context, flags.output, json, () =>
      renderTable(
        ['ID', 'NAME', 'USER', 'ROLES', 'STATE', 'TASKS', 'CPUS', 'MEM'],
        rows.map((row) => [
          row.id,
          row.name,
          row.framework.frameworkInfo?.user || nothing,
          row.framework.frameworkInfo?.roles.join(',') || nothing,
          stateOf(row),
          String(tasks.filter(({ task }) => task.frameworkId?.value === row.id).length),
          numberWord(scalarOf(row.framework.allocatedResources, 'cpus')),
          numberWord(scalarOf(row.framework.allocatedResources, 'mem')),
        ]),
        flags.all === true ? 'no frameworks' : 'no frameworks (--all lists those that have ended)',
      ),
    );
  });
}

/** `meseta framework ID`: all that is known of one framework. */
export function showFramework(context: CliContext, given: string, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const row = resolveName('framework', given, frameworkRows(await operator.frameworks()));
    const tasks = taskRows(await operator.tasks({ frameworkId: row.id }));
    const hostOf = namesOf(await agentRows(operator));
    print(context, flags.output, v1.Response_GetFrameworks_Framework.toJSON(row.framework), () => {
      const table = renderTable(
        ['ID', 'NAME', 'STATE', 'HOST', 'RESOURCES'],
        tasks.map(({ id, name, task }) => [
          id,
          name,
          stateWord(task.state),
          hostOf(task.agentId?.value),
          resourcesWord(task.resources),
        ]),
        'no tasks',
      );
      return `${factsOf(row)}\n${table}`;
    });
  });
}

function factsOf(row: FrameworkRow): string {
  const { frameworkInfo: info, allocatedResources, offeredResources, registeredTime, offers } = row.framework;
  return renderFacts([
    ['id', row.id],
    ['name', row.name],
    ['state', stateOf(row)],
    ['user', info?.user],
    ['roles', info?.roles.join(', ')],
    ['capabilities', info?.capabilities.map((capability) => capability.type ?? '').join(', ')],
    ['failover timeout', `${info?.failoverTimeout ?? 0} s`],
    ['host', info?.hostname],
    ['web ui', info?.webuiUrl],
    ['registered', timeWord(timeInfoMs(registeredTime))],
    ['allocated', resourcesWord(allocatedResources)],
    ['offered', resourcesWord(offeredResources)],
    ['offers', String(offers.length)],
  ]);
}

function stateOf({ framework, completed }: FrameworkRow): string {
  if (completed) return 'COMPLETED';
  if (framework.recovered === true) return 'RECOVERED';
  if (framework.connected !== true) return 'DISCONNECTED';
  return framework.active === true ? 'ACTIVE' : 'INACTIVE';
}
