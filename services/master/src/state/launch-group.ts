import { assert } from '@meseta/model';
import type { Acceptance } from './accept';
import type { OfferOperation } from './command';
import { startExecutor, startTask } from './launch';
import { refuseLaunch } from './tasks';
import { validateGroup } from './validation/group';

/** LAUNCH_GROUP (S72): all of its tasks or none. */
export function launchGroup(
  acceptance: Acceptance,
  operation: Extract<OfferOperation, { kind: 'launchGroup' }>,
): void {
  const { turn, framework, agent, offer, pool } = acceptance;
  const refused = validateGroup(operation, { framework, agent, pool, role: offer.role });
  if (refused !== undefined) {
    for (const { taskId } of operation.tasks) {
      refuseLaunch(turn, framework, [offer.id], {
        taskId,
        agentId: agent.id,
        state: 'TASK_ERROR',
        reason: 'REASON_TASK_GROUP_INVALID',
        message: refused.message,
      });
    }
    return;
  }
  assert(operation.executor !== undefined, 'a group without an executor was refused');
  const executor = startExecutor(acceptance, operation.executor);
  const tasks = operation.tasks.map((task) =>
    startTask(acceptance, { ...task, executor: operation.executor }),
  );
  assert(agent.session !== undefined, `agent ${agent.id} of an offer is connected`);
  turn.effects.push({
    kind: 'launchGroup',
    session: agent.session,
    framework,
    executor,
    tasks,
    offerId: offer.id,
  });
}
