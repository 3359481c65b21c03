import { isTerminal, partitionUnawareState, type TaskId, type TaskState } from '@meseta/model';
import type { ReconciledTask } from './command';
import { isPartitionAware, type Framework, type Task } from './state';
import { complete, statusAt, tellMade } from './tasks';
import type { Turn } from './turn';

/** RECONCILE (T50 – T56): every task that is not completed, or each one asked about. */
export function reconcile(turn: Turn, framework: Framework, tasks: readonly ReconciledTask[]): void {
  if (tasks.length === 0) for (const task of framework.tasks.values()) tellLatest(turn, framework, task);
  else for (const task of tasks) reconcileTask(turn, framework, task);
}

/** The ladder of answers: the first rung that holds is told. */
export function reconcileTask(turn: Turn, framework: Framework, { taskId, agentId }: ReconciledTask): void {
  const { agents, gone } = turn.state;
  const task = framework.tasks.get(taskId) ?? completedTask(framework, taskId);
  if (task !== undefined) return tellLatest(turn, framework, task);
  // An agent that is not back yet may bring the task (T51): silence, the framework asks again.
  const agent = agentId === undefined ? undefined : agents.get(agentId);
  const isGone = agentId !== undefined && gone.has(agentId);
  if (agent?.membership === 'recovered') return;
  if (agentId === undefined) for (const one of agents.values()) if (one.membership === 'recovered') return;
  const unreachable = framework.unreachable.get(taskId);
  const answer = (state: TaskState, message: string): void =>
    tellMade(turn, framework, {
      taskId,
      agentId,
      state: isPartitionAware(framework) ? state : partitionUnawareState(state),
      reason: 'REASON_RECONCILIATION',
      message: `Reconciliation: ${message}`,
      unreachableSince:
        state === 'TASK_UNREACHABLE' ? (unreachable?.unreachableSince ?? agent?.since) : undefined,
    });
  if (isGone) return answer('TASK_GONE_BY_OPERATOR', 'the agent was marked gone');
  if (agent?.membership === 'active' || agent?.membership === 'disconnected')
    return answer('TASK_GONE', 'the task is not on its agent');
  if (agent?.membership === 'unreachable' || unreachable !== undefined)
    return answer('TASK_UNREACHABLE', 'the agent is unreachable');
  answer('TASK_UNKNOWN', 'neither the task nor its agent is known');
}

/** A question may be overtaken by the acknowledgement that ended its task: the answer is the task's end then, as long as it is remembered. */
function completedTask(framework: Framework, taskId: TaskId): Task | undefined {
  return framework.completed.findLast(({ id }) => id === taskId);
}

/** The update that is on its way, or the state as it is (T50). */
function tellLatest(turn: Turn, framework: Framework, task: Task): void {
  const state = task.updateState ?? task.state;
  task.toldState = state;
  tellMade(turn, framework, {
    taskId: task.id,
    agentId: task.agentId,
    state: isPartitionAware(framework) ? state : partitionUnawareState(state),
    reason: 'REASON_RECONCILIATION',
    message: 'Reconciliation: Latest task state',
    like: statusAt(task),
  });
  // Nobody else will tell its end, and this answer needs no acknowledgement.
  if (task.denied && isTerminal(task.state) && framework.tasks.has(task.id)) complete(turn, framework, task);
}
