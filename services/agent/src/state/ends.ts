import type { ContainerId, Instant } from '@meseta/model';
import type { Exit } from './command';
import type { Effect } from './effect';
import { stateFor } from './capabilities';
import { conclude } from './kills';
import type { AgentState, TaskKey, TaskRecord } from './state';
import type { News } from './status-updates';

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
  return conclude(state, task, newsOf(state, task, exit), now);
}

/** What an end means (E34): an order to end beats the exit status, as in Mesos. */
function newsOf(state: AgentState, task: TaskRecord, exit: Exit): News {
  return newsOfKill(state, task, messageOf(exit)) ?? newsOfExit(state, task, exit);
}

/** What it means that a task has ended that was to end; undefined if it was not. */
export function newsOfKill(state: AgentState, task: TaskRecord, message: string): News | undefined {
  const { kill } = task;
  switch (kill?.why) {
    case undefined:
      return undefined;
    case 'asked':
    case 'group':
    case 'shutdown':
      return { state: 'TASK_KILLED', source: 'EXECUTOR', message };
    case 'draining': {
      // T63: of an agent that is gone for good nothing comes back.
      const killed = state.drain?.markGone === true ? 'TASK_GONE_BY_OPERATOR' : 'TASK_KILLED';
      const told = killed === 'TASK_KILLED' ? killed : stateFor(state, task.frameworkId, killed);
      return { state: told, source: 'EXECUTOR', reason: 'AGENT_DRAINING', message };
    }
    case 'unhealthy': {
      const why = `Killed because its health check failed: ${message}`;
      return {
        state: 'TASK_KILLED',
        source: 'EXECUTOR',
        reason: 'TASK_HEALTH_CHECK_STATUS_UPDATED',
        message: why,
      };
    }
    case 'completionTime':
      return { state: 'TASK_FAILED', source: 'EXECUTOR', reason: 'MAX_COMPLETION_TIME_REACHED', message };
    case 'agentEnded': {
      const told = stateFor(state, task.frameworkId, 'TASK_GONE');
      const why = 'The agent was restarted, and the framework does not checkpoint';
      return { state: told, source: 'AGENT', reason: 'AGENT_RESTARTED', message: why };
    }
    case 'limit':
      return {
        state: 'TASK_FAILED',
        source: 'AGENT',
        reason: kill?.limit?.reason ?? 'CONTAINER_LIMITATION',
        message: kill?.limit?.message ?? message,
        limitation: kill?.limit?.resources ?? [],
      };
    case 'preempted':
      return {
        state: stateFor(state, task.frameworkId, 'TASK_GONE'),
        source: 'AGENT',
        reason: 'CONTAINER_PREEMPTED',
        message: 'Its revocable resources were needed by others',
      };
  }
}

/** What it means that a container has ended by itself. */
export function newsOfExit(state: AgentState, task: TaskRecord, exit: Exit): News {
  const message = messageOf(exit);
  switch (exit.kind) {
    case 'exited':
      return { state: exit.status === 0 ? 'TASK_FINISHED' : 'TASK_FAILED', source: 'EXECUTOR', message };
    case 'signaled':
      return { state: 'TASK_FAILED', source: 'EXECUTOR', message };
    case 'outOfMemory':
      return outOfMemoryNews(exit, message);
    case 'lost':
      return {
        state: stateFor(state, task.frameworkId, 'TASK_GONE'),
        source: 'AGENT',
        reason: 'EXECUTOR_TERMINATED',
        message,
      };
  }
}

/** Memory ran out: the limitation names how much there was (T18). */
export function outOfMemoryNews({ limitBytes }: Exit & { kind: 'outOfMemory' }, message: string): News {
  return {
    state: 'TASK_FAILED',
    source: 'AGENT',
    reason: 'CONTAINER_LIMITATION_MEMORY',
    message,
    ...(limitBytes !== undefined && {
      limitation: [{ name: 'mem', milli: Math.round((limitBytes / 1024 / 1024) * 1000) }],
    }),
  };
}

export function messageOf(exit: Exit): string {
  switch (exit.kind) {
    case 'exited':
      return `Command exited with status ${exit.status}`;
    case 'signaled':
      return `Command terminated with signal ${exit.signal}`;
    case 'outOfMemory':
      return outOfMemoryMessage(exit);
    case 'lost':
      return exit.message;
  }
}

/** As the disk's: how much was used of how much. Not every kernel knows. */
function outOfMemoryMessage({ limitBytes, usedBytes }: Exit & { kind: 'outOfMemory' }): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;
  if (limitBytes === undefined) return 'Memory limit exceeded';
  const limit = megabytes(limitBytes);
  return usedBytes === undefined
    ? `Memory limit exceeded: the limit is ${limit}`
    : `Memory limit exceeded: ${megabytes(usedBytes)} were used of ${limit}`;
}
