import { version } from '@meseta/kit';
import { OperatorClient } from '@meseta/sdk';
import { print, type CliContext, type ClusterFlags } from '../context';
import { renderFacts } from '../output/table';

/** How long to wait for the master: a person asks for the version also where there is no cluster. */
const timeoutMs = 1000;

/** `meseta version`: this program's version, and the master's if one answers. */
export async function showVersion(context: CliContext, flags: ClusterFlags): Promise<void> {
  const operator = new OperatorClient({ master: flags.master, timeoutMs });
  const master = await operator.version().catch(() => undefined);
  operator.close();
  const json = { version, node: process.version, master };
  print(context, flags.output, json, () =>
    renderFacts([
      ['meseta', version],
      ['node', process.version],
      ['master', master === undefined ? `none answers at ${flags.master}` : masterWord(master)],
    ]),
  );
}

function masterWord(master: {
  readonly version: string;
  readonly leading: boolean;
  readonly leader: string;
}): string {
  return `${master.version} (${master.leading ? 'leading' : `standing by${master.leader && `; ${master.leader} leads`}`})`;
}
