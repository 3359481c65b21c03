import { isTerminal, partitionUnawareState, type TaskState } from '@meseta/model';
import { forgetExecutors } from './executors';
import { rescindInverseOffers } from './inverse-offers';
import { removeTask } from './ledger';
import { rescindAgentOffers } from './offers';
import { loseOperations } from './operation-updates';
import { holds, isPartitionAware, type Agent, type Framework, type Task } from './state';
import { complete, recover, tellMade } from './tasks';
import { observe, order, tell, tellAllocator, tellOperators, type Turn } from './turn';

/** How an agent leaves. */
export interface Removal {
  readonly why: string;
  /** What its tasks become for frameworks that know of partitions; the others hear LOST. */
  readonly taskState: 'TASK_GONE' | 'TASK_GONE_BY_OPERATOR';
  readonly reason: string;
  /** What the agent is told, if it is connected, so that it ends itself; undefined: its session just ends. */
  readonly refusal: string | undefined;
}

/** How tasks are lost that were on an agent. */
interface Loss extends Pick<Removal, 'taskState' | 'reason'> {
  /** For their frameworks. */
  readonly message: string;
}

/** Takes an agent out of the cluster: what is offered of it is void, and what ran there is lost. The caller has recorded it. */
export function removeAgent(turn: Turn, agent: Agent, how: Removal): void {
  const { state } = turn;
  const loss: Loss = { ...how, message: `Agent ${agent.hostname} was removed: ${how.why}` };
  rescindAgentOffers(turn, agent);
  rescindInverseOffers(turn, agent);
  for (const task of [...agent.tasks.values()]) loseTask(turn, agent, task, loss);
  loseUnreachable(turn, agent, loss);
  forgetExecutors(agent);
  loseOperations(turn, agent, 'OPERATION_GONE_BY_OPERATOR', loss.message);
  tellAllocator(turn, { kind: 'agentRemoved', agentId: agent.id });
  if (how.refusal !== undefined)
    order(turn, agent, { $case: 'refused', value: { reason: how.refusal, endTasks: true } });
  if (agent.session !== undefined) turn.effects.push({ kind: 'endSession', session: agent.session });
  agent.session = undefined;
  state.agents.delete(agent.id);
  state.draining.delete(agent.id);
  for (const framework of state.frameworks.values())
    tell(turn, framework, { kind: 'agentFailure', agentId: agent.id });
  tellOperators(turn, { kind: 'agentRemoved', agentId: agent.id });
  observe(turn, { kind: 'agent', agentId: agent.id, to: 'removed', why: how.why });
}

function loseTask(turn: Turn, agent: Agent, task: Task, how: Loss): void {
  const framework = task.orphaned ? undefined : turn.state.frameworks.get(task.frameworkId);
  const held = holds(task);
  removeTask(agent, task);
  if (held) recover(turn, task);
  end(turn, framework, task, how);
  if (framework !== undefined) tellEnd(turn, framework, task, how);
}

/** What was unreachable on the agent will not come back: it was removed, or is back without. */
export function loseUnreachable(turn: Turn, agent: Agent, how: Loss): void {
  for (const framework of turn.state.frameworks.values()) {
    for (const task of [...framework.unreachable.values()]) {
      if (task.agentId !== agent.id) continue;
      end(turn, framework, task, how);
      tellEnd(turn, framework, task, how);
    }
  }
}

/** A task that had ended keeps its true end (M3). */
function end(turn: Turn, framework: Framework | undefined, task: Task, { taskState }: Loss): void {
  // No update that is on its way will be heard of any more.
  task.updateState = undefined;
  if (isTerminal(task.state)) return;
  const from = task.state;
  task.state = framework !== undefined && isPartitionAware(framework) ? taskState : 'TASK_LOST';
  observe(turn, { kind: 'taskState', task, from, to: task.state });
  tellOperators(turn, { kind: 'taskUpdated', task, status: undefined });
}

/** Tells the end, unless the framework was told one: the agent will not repeat what was not acknowledged. */
function tellEnd(turn: Turn, framework: Framework, task: Task, how: Loss): void {
  const told: TaskState | undefined = task.toldState;
  complete(turn, framework, task);
  if (told !== undefined && isTerminal(told)) return;
  task.toldState = isPartitionAware(framework) ? task.state : partitionUnawareState(task.state);
  tellMade(turn, framework, {
    taskId: task.id,
    agentId: task.agentId,
    state: task.toldState,
    reason: how.reason,
    message: how.message,
  });
}
