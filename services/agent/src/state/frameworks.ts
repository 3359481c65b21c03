import type { FrameworkId, Instant } from '@meseta/model';
import type { FrameworkInfo } from '@meseta/protocol';
import type { Effect } from './effect';
import { graceOf, kill } from './kills';
import type { AgentState, TaskRecord } from './state';
import { resend } from './status-updates';

/** Takes a framework in, or what is new of it, with the launch of one of its tasks. */
export function adopt(state: AgentState, frameworkId: FrameworkId, info: FrameworkInfo): Effect[] {
  const known = state.frameworks.get(frameworkId);
  if (known !== undefined) {
    known.info = info;
    known.tasks++;
    return [];
  }
  state.frameworks.set(frameworkId, { id: frameworkId, info, tasks: 1 });
  return [{ kind: 'saveFramework', frameworkId }];
}

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
  return [{ kind: 'saveFramework', frameworkId }, ...resend(state, tasksOf(state, frameworkId), now)];
}

/**
 * A framework is gone: its tasks end, with the grace that they have (E37). Their updates are told as always, and what waits is told at
 * once: the master acknowledges in the framework's place, and counts the resources as free only then.
 */
export function stepShutdownFramework(state: AgentState, frameworkId: FrameworkId, now: Instant): Effect[] {
  const tasks = tasksOf(state, frameworkId);
  return [
    ...resend(state, tasks, now),
    ...tasks.flatMap((task) => kill(state, task, 'asked', graceOf(task.info), now)),
  ];
}

function tasksOf(state: AgentState, frameworkId: FrameworkId): TaskRecord[] {
  return [...state.tasks.values()].filter((task) => task.frameworkId === frameworkId);
}
