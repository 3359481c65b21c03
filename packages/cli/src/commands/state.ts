import { GetMasterResponse, GetStateResponse } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { renderFacts } from '../output/table';
import { countWord, shareWord, stateWord, timeWord } from '../output/words';
import { agentRows, frameworkRows, taskRows } from './view';

/** `meseta state`: the cluster at a glance; with `-o json` everything there is. */
export function showState(context: CliContext, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const leader = await operator.leader();
    const state = await operator.state();
    const agents = await agentRows(operator);
    const json = {
      ...(GetMasterResponse.toJSON(leader) as object),
      ...(GetStateResponse.toJSON(state) as object),
    };
    print(context, flags.output, json, () => {
      const frameworks = frameworkRows(state.state?.getFrameworks).filter((row) => !row.completed);
      const tasks = taskRows(state.state?.getTasks);
      const registered = agents.flatMap((row) => row.agent ?? []);
      const used = registered.flatMap((agent) => agent.allocatedResources);
      const total = registered.flatMap((agent) => agent.totalResources);
      return renderFacts([
        ['cluster', leader.cluster],
        ['leader', `${operator.master}, term ${leader.term}`],
        ['elected', timeWord((leader.master?.electedTime ?? 0) * 1000)],
        [
          'agents',
          tally(
            'agent',
            agents.map((row) => row.status.state.replace(/^AGENT_STATE_/, '')),
          ),
        ],
        [
          'frameworks',
          tally(
            'framework',
            frameworks.map((row) => (row.framework.active === true ? 'ACTIVE' : 'INACTIVE')),
          ),
        ],
        [
          'tasks',
          tally(
            'task',
            tasks.map((row) => stateWord(row.task.state)),
          ),
        ],
        ['cpus', `${shareWord(used, total, 'cpus')} allocated`],
        ['mem', `${shareWord(used, total, 'mem')} MB allocated`],
      ]);
    });
  });
}

/** `3 tasks: 2 RUNNING, 1 FINISHED`. */
function tally(noun: string, states: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].map(([state, count]) => `${count} ${state}`);
  return parts.length === 0 ? countWord(0, noun) : `${countWord(states.length, noun)}: ${parts.join(', ')}`;
}
