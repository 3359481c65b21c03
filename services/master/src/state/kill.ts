import { isTerminal } from '@meseta/model';
import type { Kill } from './command';
import { reconcileTask } from './reconcile';
import { killPolicyOf } from './returning-tasks';
import type { Framework } from './state';
import { observe, order, type Turn } from './turn';

/** KILL (S101): an unknown task is answered as if reconciled; an agent that is away is told when it is back. */
export function kill(turn: Turn, framework: Framework, { taskId, agentId, graceMs }: Kill): void {
  const task = framework.tasks.get(taskId);
  if (task === undefined) return reconcileTask(turn, framework, { taskId, agentId });
  if ((agentId !== undefined && agentId !== task.agentId) || isTerminal(task.state)) {
    return observe(turn, { kind: 'ignored', what: 'kill' });
  }
  const agent = turn.state.agents.get(task.agentId);
  if (agent?.session === undefined) {
    task.killPending = { graceMs };
    return;
  }
  order(turn, agent, {
    $case: 'killTask',
    value: {
      frameworkId: { value: framework.id },
      taskId: { value: taskId },
      killPolicy: killPolicyOf(graceMs),
    },
  });
}
