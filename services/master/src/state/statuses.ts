import { isTerminal, partitionUnawareState } from '@meseta/model';
import type { TaskStatus } from '@meseta/protocol';
import { bytesOf } from './bytes';
import type { Acknowledgement, Command } from './command';
import { lookAgain } from './dismissal';
import { isPartitionAware, taskKey, type Agent, type Framework, type Task } from './state';
import { complete, moveTask, remember, statusAt, tellMade } from './tasks';
import { observe, order, tell, type Turn } from './turn';

/** A status from an agent (T21 – T33): applied, then forwarded if its framework listens; the agent repeats it until it is acknowledged. */
export function stepStatusUpdate(turn: Turn, command: Extract<Command, { kind: 'statusUpdate' }>): void {
  const agent = turn.state.agents.get(command.agentId);
  if (agent === undefined || agent.session !== command.session)
    return observe(turn, { kind: 'ignored', what: 'statusUpdate' });
  const framework = turn.state.frameworks.get(command.frameworkId);
  const task = agent.tasks.get(taskKey(command.frameworkId, command.taskId));
  if (framework === undefined || task?.orphaned === true || agent.dismissed)
    return stepOrphanUpdate(turn, agent, task, command);
  if (task !== undefined) {
    remember(task, command.status);
    moveTask(turn, task, command.latestState, command.status);
  }
  if (task?.denied === true && isTerminal(task.state))
    return settleDenied(turn, framework, task, command.status);
  if (task !== undefined) task.updateState = command.state;
  if (framework.membership !== 'active') return;
  if (task !== undefined) {
    task.toldState = command.state;
    if (command.uuid !== '') task.unacknowledged = { uuid: command.uuid, state: command.state };
    observe(turn, { kind: 'statusForwarded', task, state: command.state, traceparent: command.traceparent });
  }
  const shownState = isPartitionAware(framework) ? command.state : partitionUnawareState(command.state);
  tell(turn, framework, { kind: 'update', status: command.status, shownState });
}

/**
 * A task that its agent does not have: nobody will repeat its end, so its framework is told in the master's own words, which need no
 * acknowledgement, as soon as it listens.
 */
export function settleDenied(turn: Turn, framework: Framework, task: Task, said?: TaskStatus): void {
  if (framework.membership !== 'active') return;
  complete(turn, framework, task);
  const like = said ?? statusAt(task);
  tellMade(turn, framework, {
    taskId: task.id,
    agentId: task.agentId,
    state: isPartitionAware(framework) ? task.state : partitionUnawareState(task.state),
    reason: like?.reason ?? 'REASON_RECONCILIATION',
    message: like?.message ?? 'The task is not on its agent',
  });
}

/** ACKNOWLEDGE (S103): passed to the agent; a terminal one ends the task for the master. */
export function acknowledge(
  turn: Turn,
  framework: Framework,
  { agentId, taskId, uuid }: Acknowledgement,
): void {
  const agent = turn.state.agents.get(agentId);
  if (agent?.session === undefined) return observe(turn, { kind: 'ignored', what: 'acknowledgement' });
  const task = framework.tasks.get(taskId);
  if (task?.unacknowledged?.uuid === uuid) {
    const { state } = task.unacknowledged;
    task.unacknowledged = undefined;
    if (isTerminal(state) && isTerminal(task.state)) complete(turn, framework, task);
  }
  passOn(turn, agent, framework.id, taskId, uuid);
}

/** Nobody is there to acknowledge for a framework that is gone, or that was told an end already, so the master does. */
function stepOrphanUpdate(
  turn: Turn,
  agent: Agent,
  task: Task | undefined,
  command: Extract<Command, { kind: 'statusUpdate' }>,
): void {
  if (task !== undefined) {
    moveTask(turn, task, command.latestState, command.status);
    // Of one that comes back all updates have to be heard, so that none is taken for news.
    if (isTerminal(agent.dismissed ? command.state : task.state)) complete(turn, undefined, task);
  }
  if (command.uuid !== '') passOn(turn, agent, command.frameworkId, command.taskId, command.uuid);
  lookAgain(turn, agent);
}

function passOn(turn: Turn, agent: Agent, frameworkId: string, taskId: string, uuid: string): void {
  order(turn, agent, {
    $case: 'acknowledgeUpdate',
    value: { frameworkId: { value: frameworkId }, taskId: { value: taskId }, uuid: bytesOf(uuid) },
  });
}
