import { FailureError, parseDurationMs } from '@meseta/kit';
import { failure, isFailure } from '@meseta/model';
import type { OperatorClient } from '@meseta/sdk';
import { print, type CliContext, type ClusterFlags } from '../context';
import { withAgentRow } from '../names/agent-row';

/** What `meseta drain` can be told. */
export interface DrainFlags extends ClusterFlags {
  /** The most that a task gets to end. */
  readonly grace?: string;
  readonly markGone?: boolean;
}

/** `meseta drain AGENT`: ends its tasks and offers nothing of it. */
export function drainAgent(context: CliContext, given: string, flags: DrainFlags): Promise<void> {
  const graceMaxMs = flags.grace === undefined ? undefined : parseDurationMs(flags.grace);
  if (isFailure(graceMaxMs)) throw new FailureError(failure('invalid', `--grace: ${graceMaxMs.message}`));
  const markGone = flags.markGone === true;
  return withAgent(context, given, flags, markGone ? 'draining, then gone' : 'draining', (operator, id) =>
    operator.drainAgent(id, { markGone, ...(graceMaxMs !== undefined && { graceMaxMs }) }),
  );
}

/** `meseta deactivate AGENT`: offers nothing of it, and lets run what runs. */
export function deactivateAgent(context: CliContext, given: string, flags: ClusterFlags): Promise<void> {
  return withAgent(context, given, flags, 'deactivated', (operator, id) => operator.deactivateAgent(id));
}

/** `meseta activate AGENT`: offers it again. */
export function activateAgent(context: CliContext, given: string, flags: ClusterFlags): Promise<void> {
  return withAgent(context, given, flags, 'active again', (operator, id) => operator.reactivateAgent(id));
}

/** `meseta gone AGENT`: it will not come back. */
export function markAgentGone(context: CliContext, given: string, flags: ClusterFlags): Promise<void> {
  return withAgent(context, given, flags, 'gone for good', (operator, id) => operator.markAgentGone(id));
}

function withAgent(
  context: CliContext,
  given: string,
  flags: ClusterFlags,
  becomes: string,
  act: (operator: OperatorClient, id: string) => Promise<void>,
): Promise<void> {
  return withAgentRow(context, given, flags, async (operator, { id, name }) => {
    await act(operator, id);
    print(context, flags.output, { agentId: id }, () => `agent ${id} on ${name} is ${becomes}\n`);
  });
}
