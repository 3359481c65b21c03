import { AgentState, AgentStatus, GetAgentsResponse, type Attribute } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { withAgentRow } from '../names/agent-row';
import { renderFacts, renderTable } from '../output/table';
import {
  ageWord,
  attributesWord,
  domainWord,
  nothing,
  resourcesWord,
  shareWord,
  stateWord,
  timeInfoMs,
  timeWord,
} from '../output/words';
import { agentRows, taskRows, type AgentRow } from './view';

/** `meseta agents`: the machines of the cluster and how much of each is used. */
export function listAgents(context: CliContext, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const rows = await agentRows(operator);
    const tasks = taskRows(await operator.tasks()).filter((row) => !row.completed);
    const json = flags.output === 'json' ? GetAgentsResponse.toJSON(await operator.agents()) : undefined;
    // Most clusters are in one place: a column of dashes would say nothing.
    const isPlaced = rows.some((row) => domainOf(row) !== undefined);
    print(context, flags.output, json, () =>
      renderTable(
        [
          ...['ID', 'HOST', 'STATE', 'SINCE', 'TASKS', 'CPUS', 'MEM'],
          ...(isPlaced ? ['DOMAIN'] : []),
          'ATTRIBUTES',
        ],
        rows.map((row) => [
          row.id,
          row.name,
          stateOf(row),
          ageWord(Number(row.status.sinceMs), context.nowMs()),
          String(tasks.filter(({ task }) => task.agentId?.value === row.id).length),
          shareOf(row, 'cpus'),
          shareOf(row, 'mem'),
          ...(isPlaced ? [domainOf(row) ?? nothing] : []),
          attributesWord(attributesOf(row)),
        ]),
        'no agents',
      ),
    );
  });
}

/** `meseta agent ID`: all that is known of one agent. */
export function showAgent(context: CliContext, given: string, flags: ClusterFlags): Promise<void> {
  return withAgentRow(context, given, flags, async (operator, row) => {
    const tasks = taskRows(await operator.tasks()).filter(
      ({ task, completed }) => !completed && task.agentId?.value === row.id,
    );
    print(context, flags.output, AgentStatus.toJSON(row.status), () => {
      const table = renderTable(
        ['ID', 'NAME', 'STATE', 'RESOURCES'],
        tasks.map(({ id, name, task }) => [id, name, stateWord(task.state), resourcesWord(task.resources)]),
        'no tasks are running on it',
      );
      return `${factsOf(row)}\n${table}`;
    });
  });
}

function factsOf(row: AgentRow): string {
  const { id, name, status, agent } = row;
  return renderFacts([
    ['id', id],
    ['host', name],
    ['state', `${stateOf(row)} since ${timeWord(Number(status.sinceMs))}`],
    ['registered', timeWord(timeInfoMs(agent?.registeredTime))],
    ['version', agent?.version],
    ['grpc', status.grpcAddress],
    ['http', status.httpAddress],
    ['domain', domainOf(row)],
    ['attributes', attributesWord(status.agentInfo?.attributes ?? [])],
    ['total', resourcesWord(agent?.totalResources ?? status.agentInfo?.resources ?? [])],
    ['allocated', resourcesWord(agent?.allocatedResources ?? [])],
    ['offered', resourcesWord(agent?.offeredResources ?? [])],
  ]);
}

/** Where it stands; of one that is connected and not offered, why. */
function stateOf({ status, agent }: AgentRow): string {
  if (status.state === AgentState.ACTIVE && agent?.deactivated === true)
    return agent.drainInfo?.state ?? 'DEACTIVATED';
  return status.state.replace(/^AGENT_STATE_/, '');
}

/** `region/zone` */
function domainOf(row: AgentRow): string | undefined {
  return domainWord(row.status.agentInfo?.domain);
}

function attributesOf(row: AgentRow): readonly Attribute[] {
  return row.status.agentInfo?.attributes ?? [];
}

function shareOf({ agent }: AgentRow, name: string): string {
  return agent === undefined ? nothing : shareWord(agent.allocatedResources, agent.totalResources, name);
}
