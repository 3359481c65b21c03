import { ExplainResponse, type ExplainResponse_Role } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { resolveName } from '../names/resolve';
import { renderTable } from '../output/table';
import { nothing, numberWord } from '../output/words';
import { frameworkRows } from './view';

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
  const table = renderTable(
    ['AGENT', 'HOST', 'FREE', 'FILTER', 'WHY'],
    role.agents.map((agent) => [
      agent.agentId?.value ?? nothing,
      agent.hostname || nothing,
      agent.free || nothing,
      agent.filter || nothing,
      agent.reason || 'may be offered',
    ]),
    'no agents',
  );
  const demands = role.demands.map(
    ({ id, count, remaining, nearest }) =>
      `demand ${id}: ${count - remaining} of ${count} tasks offered${nearest === '' ? '' : `; nearest: ${nearest}`}\n`,
  );
  return `${head}${blocked}\n${demands.join('')}${table}`;
}
