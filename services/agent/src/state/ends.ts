import type { ContainerId, Instant } from '@meseta/model';
import type { Exit } from './command';
import type { Effect } from './effect';
import { stateFor } from './capabilities';
import type { AgentState, TaskKey, TaskRecord } from './state';
import { report, type News } from './status-updates';

/** The container has ended, and nothing of it is left. */
export function stepContainerEnded(
  state: AgentState,
  key: TaskKey,
  containerId: ContainerId,
  exit: Exit,
  now: Instant,
): Effect[] {
  const task = state.tasks.get(key);
  if (task === undefined || task.containerId !== containerId || task.phase === 'ended') return [];
  return report(state, task, newsOf(state, task, exit), now);
}

/** What an end means (E34): an order to end beats the exit status, as in Mesos. */
function newsOf(state: AgentState, task: TaskRecord, exit: Exit): News {
  const message = messageOf(exit);
  if (task.kill?.why === 'completionTime') {
    return { state: 'TASK_FAILED', source: 'EXECUTOR', reason: 'MAX_COMPLETION_TIME_REACHED', message };
  }
  if (task.kill?.why === 'agentEnded') {
    const told = stateFor(state, task.frameworkId, 'TASK_GONE');
    const why = 'The agent was restarted, and the framework does not checkpoint';
    return { state: told, source: 'AGENT', reason: 'AGENT_RESTARTED', message: why };
  }
  if (task.kill !== undefined) return { state: 'TASK_KILLED', source: 'EXECUTOR', message };
  switch (exit.kind) {
    case 'exited':
      return { state: exit.status === 0 ? 'TASK_FINISHED' : 'TASK_FAILED', source: 'EXECUTOR', message };
    case 'signaled':
      return { state: 'TASK_FAILED', source: 'EXECUTOR', message };
    case 'outOfMemory':
      return { state: 'TASK_FAILED', source: 'AGENT', reason: 'CONTAINER_LIMITATION_MEMORY', message };
    case 'lost':
      return {
        state: stateFor(state, task.frameworkId, 'TASK_GONE'),
        source: 'AGENT',
        reason: 'EXECUTOR_TERMINATED',
        message,
      };
  }
}

function messageOf(exit: Exit): string {
  switch (exit.kind) {
    case 'exited':
      return `Command exited with status ${exit.status}`;
    case 'signaled':
      return `Command terminated with signal ${exit.signal}`;
    case 'outOfMemory':
      return exit.limitBytes === undefined
        ? 'Memory limit exceeded'
        : `Memory limit exceeded: the limit is ${Math.round(exit.limitBytes / 1024 / 1024)} MB`;
    case 'lost':
      return exit.message;
  }
}
