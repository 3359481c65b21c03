import type { OperatorClient } from '@meseta/sdk';
import { agentRows, type AgentRow } from '../commands/view';
import { withOperator, type CliContext } from '../context';
import { resolveName } from './resolve';

/** Does something with an agent, which is named by its id, the beginning of it, or its host. */
export function withAgentRow<T>(
  context: CliContext,
  given: string,
  flags: { readonly master: string },
  act: (operator: OperatorClient, row: AgentRow) => Promise<T>,
): Promise<T> {
  return withOperator(context, flags, async (operator) =>
    act(operator, resolveName('agent', given, await agentRows(operator))),
  );
}
