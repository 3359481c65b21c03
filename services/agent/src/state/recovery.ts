import type { FrameworkId, Instant } from '@meseta/model';
import { outlives, stateFor } from './capabilities';
import { resumeChecks } from './checks';
import type { Recovered } from './command';
import type { Effect } from './effect';
import { stepContainerEnded } from './ends';
import { endNow, executorOf, resumeExecutor } from './executors';
import { completionDeadline, conclude, graceOf, kill, terminate } from './kills';
import { stepContainerStarted, stepStartCancelled, watchCompletion } from './launches';
import { resumeOperations } from './operations';
import { forgetExecutorIfOver } from './records';
import { lasting, type AgentState, type TaskRecord } from './state';

/**
 * The agent was restarted, its records were read, and the runtimes looked what is left of the containers. From here a task goes on as if the agent had
 * never been away.
 */
export function stepRecovered(state: AgentState, outcomes: readonly Recovered[], now: Instant): Effect[] {
  const effects: Effect[] = resumeOperations(state);
  for (const outcome of outcomes) {
    const executor = executorOf(state, outcome.key, outcome.containerId);
    if (executor !== undefined && executor.phase !== 'ended') {
      effects.push(...resumeExecutor(state, executor, outcome.found, now));
      continue;
    }
    const task = state.tasks.get(outcome.key);
    if (task === undefined || task.containerId !== outcome.containerId || task.phase === 'ended') continue;
    if (completionDeadline(task) !== undefined) watchCompletion(state, task);
    effects.push(...resume(state, task, outcome.found, now));
  }
  for (const executor of [...state.executors.values()])
    effects.push(...forgetExecutorIfOver(state, executor));
  return effects;
}

function resume(state: AgentState, task: TaskRecord, found: Recovered['found'], now: Instant): Effect[] {
  switch (found.kind) {
    case 'ended': {
      // It ran, whether or not that was told.
      const started =
        task.phase === 'starting' && task.kill === undefined
          ? stepContainerStarted(state, task.key, task.containerId, {}, now)
          : [];
      return [...started, ...stepContainerEnded(state, task.key, task.containerId, found.exit, now)];
    }
    case 'neverStarted':
      if (task.kill !== undefined) return stepStartCancelled(state, task.key, task.containerId, now);
      return conclude(
        state,
        task,
        {
          state: stateFor(state, task.frameworkId, 'TASK_DROPPED'),
          source: 'AGENT',
          reason: 'AGENT_RESTARTED',
          message: 'The agent was restarted before it started the task',
        },
        now,
      );
    case 'running':
      break;
  }
  const effects =
    task.phase === 'starting'
      ? stepContainerStarted(state, task.key, task.containerId, found.facts, now)
      : [];
  if (task.phase === 'running') {
    task.container = lasting(found.facts);
    if (effects.length === 0) resumeChecks(state, task, now);
    if (effects.length === 0) effects.push(...terminate(state, task, now));
  }
  // A framework that does not checkpoint did not ask for its tasks to outlive the agent (E29).
  if (!outlives(state, task.frameworkId))
    effects.push(...kill(state, task, 'agentEnded', graceOf(task.info), now));
  return effects;
}

/** The agent ends: what was not to outlive it does not, and is told when the agent is back. */
export function stepClosing(state: AgentState, now: Instant): Effect[] {
  return endWithAgent(state, ({ frameworkId }) => !outlives(state, frameworkId), now);
}

/** Ends tasks and executors that are not to outlive the agent. What is still being started is ended when it has started, by this agent or the next. */
function endWithAgent(
  state: AgentState,
  ends: (of: { readonly frameworkId: FrameworkId }) => boolean,
  now: Instant,
): Effect[] {
  const effects: Effect[] = [];
  for (const task of state.tasks.values()) {
    if (task.phase === 'ended' || task.runtime === '' || !ends(task)) continue;
    task.kill = { graceMs: 0, deadline: now, why: 'agentEnded' };
    effects.push({ kind: 'saveTask', key: task.key });
    effects.push({ kind: 'destroy', containerId: task.containerId, runtime: task.runtime });
  }
  for (const executor of state.executors.values()) {
    if (executor.kind === 'custom' && executor.phase !== 'ended' && ends(executor))
      effects.push(...endNow(executor, 'agentEnded'));
  }
  return effects;
}

/**
 * The master does not want the agent, for now or for good. Of one that was marked gone, or whose machine is in maintenance, it has told that the tasks are
 * gone: they end.
 */
export function stepRefused(
  state: AgentState,
  { reason, endTasks }: { readonly reason: string; readonly endTasks: boolean },
  now: Instant,
): Effect[] {
  const ends = endTasks ? endWithAgent(state, () => true, now) : [];
  return [...ends, { kind: 'stop', message: `the master refused this agent: ${reason}` }];
}

/** The agent leaves for good (G19): its tasks end with it, and if it ever comes back it is a new agent. What is still being started is ended when it has. */
export function stepUnregister(state: AgentState, reason: string): Effect[] {
  const effects: Effect[] = state.session?.registered === true ? [{ kind: 'sayGoodbye', reason }] : [];
  for (const task of state.tasks.values()) {
    if (task.phase !== 'ended' && task.runtime !== '') effects.push(...discard(task));
    effects.push({ kind: 'forgetTask', task });
  }
  for (const executor of state.executors.values()) {
    const { kind, phase, connection } = executor;
    if (kind === 'custom' && phase !== 'ended') effects.push(...discard(executor));
    if (connection !== undefined)
      effects.push({ kind: 'disconnectExecutor', connection, message: 'the agent leaves the cluster' });
    effects.push({ kind: 'forgetExecutor', executor });
  }
  for (const uuid of state.operations.keys()) effects.push({ kind: 'forgetOperation', uuid });
  for (const { id, info } of state.frameworks.values())
    effects.push({ kind: 'forgetFramework', frameworkId: id, info });
  state.tasks.clear();
  state.executors.clear();
  state.operations.clear();
  state.drain = undefined;
  state.frameworks.clear();
  state.agentId = undefined;
  state.unacknowledged = 0;
  return [{ kind: 'forgetAgent' }, ...effects];
}

/** Ends a container, and leaves nothing of it: nobody waits for its end. */
export function discard({ containerId, runtime }: Pick<TaskRecord, 'containerId' | 'runtime'>): Effect[] {
  return [
    { kind: 'destroy', containerId, runtime },
    { kind: 'release', containerId, runtime },
  ];
}
