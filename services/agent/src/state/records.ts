import type { FrameworkId } from '@meseta/model';
import type { FrameworkInfo } from '@meseta/protocol';
import type { Effect } from './effect';
import type { AgentState, ExecutorRecord, TaskRecord } from './state';

/** Takes a framework in, or what is new of it, with one more record that names it. */
export function adopt(state: AgentState, frameworkId: FrameworkId, info: FrameworkInfo): Effect[] {
  const known = state.frameworks.get(frameworkId);
  if (known !== undefined) {
    known.info = info;
    known.uses++;
    return [];
  }
  state.frameworks.set(frameworkId, { id: frameworkId, info, uses: 1 });
  return [{ kind: 'saveFramework', frameworkId }];
}

/** The task's record goes; with the last one its executor's, if that has ended, and its framework's. */
export function forgetTask(state: AgentState, task: TaskRecord): Effect[] {
  state.tasks.delete(task.key);
  const effects: Effect[] = [{ kind: 'forgetTask', task }];
  if (task.runtime !== '')
    effects.push({ kind: 'release', containerId: task.containerId, runtime: task.runtime });
  const executor = task.executor === undefined ? undefined : state.executors.get(task.executor);
  if (executor !== undefined) {
    executor.tasks.delete(task.key);
    effects.push(...forgetExecutorIfOver(state, executor));
  }
  return [...effects, ...dropUse(state, task.frameworkId), ...drainedIfEmpty(state)];
}

/** An executor's record goes when it has ended and nothing is left to tell of its tasks. A pod has ended when it has no tasks (E27, E52). */
export function forgetExecutorIfOver(state: AgentState, executor: ExecutorRecord): Effect[] {
  if (executor.tasks.size > 0 || (executor.kind === 'custom' && executor.phase !== 'ended')) return [];
  if (!state.executors.delete(executor.key)) return [];
  const effects: Effect[] = [
    { kind: 'forgetExecutor', executor },
    { kind: 'release', containerId: executor.containerId, runtime: executor.runtime },
  ];
  if (executor.kind === 'pod') effects.push(...tellEnded(state, executor, 0, 'All tasks have ended'));
  return [...effects, ...dropUse(state, executor.frameworkId), ...drainedIfEmpty(state)];
}

/** Tells the master that an executor is no more. While there is none, the next registration leaves it out. */
export function tellEnded(
  state: AgentState,
  { frameworkId, executorId }: ExecutorRecord,
  status: number,
  message: string,
): Effect[] {
  const effects: Effect[] = [{ kind: 'note', level: 'info', message, frameworkId, executorId }];
  if (state.session?.registered === true)
    effects.push({ kind: 'executorEnded', frameworkId, executorId, status, message });
  return effects;
}

/** An agent that was emptied takes launches again: the master, who asked for it, makes none until it means to. */
function drainedIfEmpty(state: AgentState): Effect[] {
  if (state.drain === undefined || state.tasks.size > 0 || state.executors.size > 0) return [];
  state.drain = undefined;
  return [
    { kind: 'saveAgent' },
    { kind: 'note', level: 'info', message: 'the agent is empty: draining is over' },
  ];
}

function dropUse(state: AgentState, frameworkId: FrameworkId): Effect[] {
  const framework = state.frameworks.get(frameworkId);
  if (framework === undefined || --framework.uses > 0) return [];
  state.frameworks.delete(frameworkId);
  return [{ kind: 'forgetFramework', frameworkId, info: framework.info }];
}
