import { ExplainResponse, type ExplainResponse_Agent, type ExplainResponse_Role } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { resolveName } from '../names/resolve';
import { renderTable } from '../output/table';
import { nothing, numberWord } from '../output/words';
import { frameworkRows } from './view';

/** More agents than these are told by what speaks against them; each is in `-o json`. */
const agentsShownMax = 20;

/** `meseta explain FRAMEWORK [ROLE]`: why it gets no offers. */
export function explain(
  context: CliContext,
  given: string,
  role: string,
  flags: ClusterFlags,
): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const rows = frameworkRows(await operator.frameworks()).filter((row) => !row.completed);
    const framework = resolveName('framework', given, rows);
    const answer = await operator.explain(framework.id, role);
    print(context, flags.output, ExplainResponse.toJSON(answer), () => {
      const whole = answer.blocked === '' ? '' : `framework ${framework.name}: ${answer.blocked}\n`;
      return [whole, ...answer.roles.map(roleText)].filter((text) => text !== '').join('\n');
    });
  });
}

function roleText(role: ExplainResponse_Role): string {
  const head = `role ${role.role}: dominant share ${numberWord(role.share * 100)}%`;
  const blocked = role.blocked === '' ? '' : `, no offers: ${role.blocked}`;
  const table = role.agents.length > agentsShownMax ? byFilter(role.agents) : byAgent(role.agents);
  const demands = role.demands.map(
    ({ id, count, remaining, nearest }) =>
      `demand ${id}: ${count - remaining} of ${count} tasks offered${nearest === '' ? '' : `; nearest: ${nearest}`}\n`,
  );
  return `${head}${blocked}\n${demands.join('')}${table}`;
}

function byAgent(agents: readonly ExplainResponse_Agent[]): string {
  return renderTable(
    ['AGENT', 'HOST', 'FREE', 'FILTER', 'WHY'],
    agents.map((agent) => [
      agent.agentId?.value ?? nothing,
      agent.hostname || nothing,
      agent.free || nothing,
      agent.filter || nothing,
      agent.reason || mayBeOffered,
    ]),
    'no agents',
  );
}

/** How many agents each rule refuses, most first, with one of them. */
function byFilter(agents: readonly ExplainResponse_Agent[]): string {
  const groups = new Map<string, { readonly first: ExplainResponse_Agent; count: number }>();
  for (const agent of agents) {
    const group = groups.get(agent.filter);
    if (group === undefined) groups.set(agent.filter, { first: agent, count: 1 });
    else group.count += 1;
  }
  return renderTable(
    ['AGENTS', 'FILTER', 'FOR INSTANCE', 'FREE', 'WHY'],
    [...groups.values()]
      .sort((a, b) => b.count - a.count)
      .map(({ first, count }) => [
        String(count),
        first.filter || nothing,
        first.hostname || nothing,
        first.free || nothing,
        first.reason || mayBeOffered,
      ]),
    'no agents',
  );
}

const mayBeOffered = 'may be offered';
