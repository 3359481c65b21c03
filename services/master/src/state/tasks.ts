import { assert, isTerminal, mayFollow, type OfferId, type TaskState } from '@meseta/model';
import type { TaskStatus } from '@meseta/protocol';
import type { MadeStatus } from './effect';
import { releaseTask, removeTask } from './ledger';
import { holds, taskKey, type Executor, type Framework, type Task } from './state';
import { observe, tell, tellAllocator, tellOperators, type Turn } from './turn';

/**
 * Moves a task to a state, if it may follow (T13). A task that becomes terminal gives its resources back at once, whatever its framework
 * has acknowledged by then (T26).
 *
 * @returns whether the state changed
 */
export function moveTask(turn: Turn, task: Task, to: TaskState, status: TaskStatus | undefined): boolean {
  const from = task.state;
  if (from === to || isTerminal(from) || !mayFollow(from, to)) return false;
  const held = holds(task);
  task.state = to;
  observe(turn, { kind: 'taskState', task, from, to });
  tellOperators(turn, { kind: 'taskUpdated', task, status });
  const agent = turn.state.agents.get(task.agentId);
  if (held && isTerminal(to) && agent?.tasks.has(taskKey(task.frameworkId, task.id)) === true) {
    releaseTask(agent, task);
    recover(turn, task);
  }
  return true;
}

/** Gives the resources of a task or an executor back to the allocator. */
export function recover(turn: Turn, { agentId, frameworkId, role, resources }: Task | Executor): void {
  tellAllocator(turn, { kind: 'recovered', agentId, frameworkId, role, resources, refuseMs: 0 });
}

/** Keeps the newest status of each state, without data (T31). */
export function remember(task: Task, status: TaskStatus): void {
  const at = task.statuses.findIndex((one) => one.state === status.state);
  if (at >= 0) task.statuses.splice(at, 1);
  const { data: _, ...rest } = status;
  task.statuses.push(rest);
}

/** A terminal task whose end was seen by its framework: history. */
export function complete(turn: Turn, framework: Framework | undefined, task: Task): void {
  assert(isTerminal(task.state), `task ${task.id} is terminal before it is completed`);
  const agent = turn.state.agents.get(task.agentId);
  if (agent !== undefined) removeTask(agent, task);
  if (framework === undefined) return;
  framework.tasks.delete(task.id);
  framework.unreachable.delete(task.id);
  framework.completed.push(task);
  if (framework.completed.length > turn.state.options.completedTasksPerFrameworkMax)
    framework.completed.shift();
}

/** Tells a framework of a task in the master's own words. */
export function tellMade(
  turn: Turn,
  framework: Framework,
  status: Pick<MadeStatus, 'taskId' | 'state' | 'reason' | 'message'> & Partial<MadeStatus>,
): void {
  tell(turn, framework, {
    kind: 'madeUpdate',
    status: { agentId: undefined, at: turn.now, unreachableSince: undefined, like: undefined, ...status },
  });
}

/** Tells a framework of a launch that never reaches an agent, and whoever watches of the offers that it was tried on. */
export function refuseLaunch(
  turn: Turn,
  framework: Framework,
  offerIds: readonly OfferId[],
  status: Pick<MadeStatus, 'taskId' | 'state' | 'reason' | 'message'> & Partial<MadeStatus>,
): void {
  const { taskId, reason, message } = status;
  observe(turn, { kind: 'launchRefused', framework, offerIds, taskId, reason, message });
  tellMade(turn, framework, status);
}

export function statusAt(task: Task): TaskStatus | undefined {
  return task.statuses[task.statuses.length - 1];
}
