import type { internal } from '@meseta/protocol';
import type { Effect } from '../state/effect';
import { executorToProto } from './executors';
import { taskInfoToLaunch } from './tasks';

/** The order to start one task. */
export function launchOrder(
  { framework, task, executor }: Extract<Effect, { kind: 'launch' }>,
  traceparent: string,
): internal.MasterMessage {
  const value = { frameworkInfo: framework.info, task: taskInfoToLaunch(task, executor), traceparent };
  return { message: { $case: 'launchTask', value } };
}

/** The order to start a group of tasks. */
export function launchGroupOrder(
  { framework, executor, tasks }: Extract<Effect, { kind: 'launchGroup' }>,
  traceparents: readonly string[],
): internal.MasterMessage {
  const value = {
    frameworkInfo: framework.info,
    executor: executorToProto(executor),
    taskGroup: { tasks: tasks.map((task) => taskInfoToLaunch(task, undefined)) },
    traceparents,
  };
  return { message: { $case: 'launchGroup', value } };
}
