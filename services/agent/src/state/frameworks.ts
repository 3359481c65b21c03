import type { FrameworkId, Instant } from '@meseta/model';
import type { FrameworkInfo } from '@meseta/protocol';
import type { Effect } from './effect';
import { graceOf, kill, shutdownExecutor } from './kills';
import { resendOperations } from './operations';
import type { AgentState, TaskRecord } from './state';
import { resend } from './status-updates';

/** A framework subscribed again or changed: what it has not acknowledged is sent at once (T28). */
export function stepUpdateFramework(
  state: AgentState,
  frameworkId: FrameworkId,
  info: FrameworkInfo,
  now: Instant,
): Effect[] {
  const known = state.frameworks.get(frameworkId);
  if (known === undefined) return [];
  known.info = info;
  return [
    { kind: 'saveFramework', frameworkId },
    ...resend(state, tasksOf(state, frameworkId), now),
    ...resendOperations(state, now, frameworkId),
  ];
}

/**
 * A framework is gone: its tasks end, with the grace that they have (E37). Their updates are told as always, and what waits is told at
 * once: the master acknowledges in the framework's place, and counts the resources as free only then.
 */
export function stepShutdownFramework(state: AgentState, frameworkId: FrameworkId, now: Instant): Effect[] {
  const tasks = tasksOf(state, frameworkId);
  const effects = resend(state, tasks, now);
  for (const executor of [...state.executors.values()])
    if (executor.frameworkId === frameworkId)
      effects.push(...shutdownExecutor(state, executor, 'asked', now));
  for (const task of tasks) {
    if (task.executor === undefined) effects.push(...kill(state, task, 'asked', graceOf(task.info), now));
  }
  return effects;
}

function tasksOf(state: AgentState, frameworkId: FrameworkId): TaskRecord[] {
  return [...state.tasks.values()].filter((task) => task.frameworkId === frameworkId);
}
