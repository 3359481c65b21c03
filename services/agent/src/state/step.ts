import type { Instant } from '@meseta/model';
import { assertNever } from '@meseta/model';
import { askIfDue, stepProbed } from './checks';
import type { Command, Order } from './command';
import { stepConfigured, stepEstimated } from './configured';
import { stepDrain } from './draining';
import type { Effect } from './effect';
import { stepContainerEnded } from './ends';
import {
  executorDeadlineOver,
  executorOf,
  stepExecutorEnded,
  stepExecutorNotStarted,
  stepExecutorStarted,
  stepShutdownExecutor,
} from './executors';
import {
  stepExecutorDisconnected,
  stepExecutorSaid,
  stepExecutorSubscribed,
  stepExecutorUpdated,
} from './executor-session';
import { stepShutdownFramework, stepUpdateFramework } from './frameworks';
import { completionTimeOver, deliver, graceOver, kill, killWithGroup } from './kills';
import {
  stepContainerStarted,
  stepLaunch,
  stepLaunchGroup,
  stepStartCancelled,
  stepStartFailed,
  stepStartProgressed,
} from './launches';
import { heed, stepRegistered, stepSessionClosed, stepSessionOpened } from './master-session';
import {
  retryOperation,
  stepAcknowledgeOperation,
  stepApplyOperation,
  stepReconcileOperation,
  stepVolumesChanged,
} from './operations';
import { disown, stepReconcile } from './reconcile';
import { discard, stepClosing, stepRecovered, stepRefused, stepUnregister } from './recovery';
import type { AgentState } from './state';
import { executorKey, taskKey } from './state';
import { acknowledge, retry } from './status-updates';

/** What follows when something happens. Changes the state in place and says what is to be done in the world. */
export function step(state: AgentState, command: Command, now: Instant): Effect[] {
  switch (command.kind) {
    // No default: a new command does not compile until it is placed.
    case 'sessionOpened':
      return stepSessionOpened(state, command.sessionId);
    case 'sessionClosed':
      return stepSessionClosed(state, command.sessionId);
    case 'masterSaid':
      return stepMasterSaid(state, command, now);
    case 'containerStarted':
    case 'startProgressed':
    case 'startFailed':
    case 'startCancelled':
    case 'containerEnded':
    case 'limitPassed':
      return stepContainer(state, command, now);
    case 'probed':
      return stepProbed(state, command, now);
    case 'preempted': {
      const task = state.tasks.get(command.key);
      return task?.containerId === command.containerId ? kill(state, task, 'preempted', 0, now) : [];
    }
    case 'volumesChanged':
      return stepVolumesChanged(state, command, now);
    case 'executorSubscribed':
      return stepExecutorSubscribed(state, command, now);
    case 'executorDisconnected':
      return stepExecutorDisconnected(state, command);
    case 'executorUpdated':
      return stepExecutorUpdated(state, command, now);
    case 'executorSaid':
      return stepExecutorSaid(state, command);
    case 'configured':
      return stepConfigured(state, command);
    case 'estimated':
      return stepEstimated(state, command.oversubscribed);
    case 'recovered':
      return stepRecovered(state, command.outcomes, now);
    case 'unregister':
      return stepUnregister(state, command.reason);
    case 'closing':
      return stepClosing(state, now);
    case 'tick':
      return stepTick(state, now);
    default:
      return assertNever(command);
  }
}

type ContainerNews = Extract<
  Command,
  {
    kind:
      | 'containerStarted'
      | 'startProgressed'
      | 'startFailed'
      | 'startCancelled'
      | 'containerEnded'
      | 'limitPassed';
  }
>;

/** News of a container: a task's, or an executor's. */
function stepContainer(state: AgentState, news: ContainerNews, now: Instant): Effect[] {
  const { key, containerId } = news;
  const executor = executorOf(state, key, containerId);
  switch (news.kind) {
    case 'containerStarted':
      if (executor === undefined && state.tasks.get(key)?.containerId !== containerId)
        // Nobody knows of it any more: the agent left while it was being started.
        return discard(news);
      return executor === undefined
        ? stepContainerStarted(state, key, containerId, news.facts, now)
        : stepExecutorStarted(state, executor, news.facts, now);
    case 'startProgressed':
      return stepStartProgressed(state, key, containerId, news.message, now);
    case 'startFailed':
      return executor === undefined
        ? stepStartFailed(state, key, containerId, { message: news.message, reason: news.reason }, now)
        : stepExecutorNotStarted(state, executor, news, now);
    case 'startCancelled':
      return executor === undefined
        ? stepStartCancelled(state, key, containerId, now)
        : stepExecutorNotStarted(state, executor, undefined, now);
    case 'containerEnded':
      return executor === undefined
        ? stepContainerEnded(state, key, containerId, news.exit, now)
        : stepExecutorEnded(state, executor, news.exit, now);
    case 'limitPassed':
      return stepLimitPassed(state, news, now);
    default:
      return assertNever(news);
  }
}

/** Whoever passes a limit is ended at once; of an executor, with all its tasks. */
function stepLimitPassed(state: AgentState, news: Command & { kind: 'limitPassed' }, now: Instant): Effect[] {
  const { key, containerId, limit } = news;
  const executor = executorOf(state, key, containerId);
  if (executor === undefined) {
    const task = state.tasks.get(key);
    return task?.containerId === containerId ? kill(state, task, 'limit', 0, now, limit) : [];
  }
  const effects: Effect[] = [];
  for (const taskKeyOf of executor.tasks) {
    const task = state.tasks.get(taskKeyOf);
    if (task === undefined || task.phase === 'ended') continue;
    if (executor.kind === 'pod') effects.push(...kill(state, task, 'limit', 0, now, limit));
    else task.kill ??= { graceMs: 0, deadline: now, why: 'limit', limit };
  }
  if (executor.kind === 'custom' && executor.phase === 'running')
    effects.push({ kind: 'destroy', containerId, runtime: executor.runtime });
  return effects;
}

function stepMasterSaid(state: AgentState, said: Command & { kind: 'masterSaid' }, now: Instant): Effect[] {
  const { heeded, effects } = heed(state, said);
  if (!heeded) return effects;
  for (const order of said.orders) for (const effect of stepOrder(state, order, now)) effects.push(effect);
  return effects;
}

function stepOrder(state: AgentState, order: Order, now: Instant): Effect[] {
  switch (order.kind) {
    case 'registered':
      return stepRegistered(state, order, now);
    case 'refused':
      return stepRefused(state, order, now);
    case 'ping':
      return [{ kind: 'pong', sequence: order.sequence }];
    case 'launch':
      return stepLaunch(state, order, now);
    case 'launchGroup':
      return stepLaunchGroup(state, order, now);
    case 'kill':
      return stepKill(state, order, now);
    case 'acknowledge': {
      const task = state.tasks.get(taskKey(order.frameworkId, order.taskId));
      return task === undefined ? [] : acknowledge(state, task, order.uuid, now);
    }
    case 'reconcile':
      return stepReconcile(state, order.frameworkId, order.taskId, order.seed, now);
    case 'updateFramework':
      return stepUpdateFramework(state, order.frameworkId, order.info, now);
    case 'shutdownFramework':
      return stepShutdownFramework(state, order.frameworkId, now);
    case 'applyOperation':
      return stepApplyOperation(state, order, now);
    case 'acknowledgeOperation':
      return stepAcknowledgeOperation(state, order.uuid, order.statusUuid);
    case 'reconcileOperation':
      return stepReconcileOperation(state, order.name);
    case 'frameworkMessage': {
      const executor = state.executors.get(executorKey(order.frameworkId, order.executorId));
      return executor === undefined ? [] : deliver(executor, [{ kind: 'message', data: order.data }]);
    }
    case 'shutdownExecutor':
      return stepShutdownExecutor(state, order.frameworkId, order.executorId, now);
    case 'drain':
      return stepDrain(state, order, now);
    default:
      return assertNever(order);
  }
}

/** Ends a task; of one that is not here the master is told so (T62). */
function stepKill(state: AgentState, order: Order & { kind: 'kill' }, now: Instant): Effect[] {
  const task = state.tasks.get(taskKey(order.frameworkId, order.taskId));
  if (task !== undefined) return killWithGroup(state, task, 'asked', order.graceMs, now);
  const message = 'The task to kill is not on this agent';
  return disown(state, order.frameworkId, order.taskId, order.seed, 'EXECUTOR_TERMINATED', message, now);
}

function stepTick(state: AgentState, now: Instant): Effect[] {
  const effects: Effect[] = [];
  for (let due = state.deadlines.takeDue(now); due !== undefined; due = state.deadlines.takeDue(now)) {
    const task = state.tasks.get(due.key);
    switch (due.kind) {
      case 'retry':
        effects.push(...retry(state, task, due.at, now));
        break;
      case 'grace':
        effects.push(...graceOver(state, task, due.at, now));
        break;
      case 'completion':
        effects.push(...completionTimeOver(state, task, due.at, now));
        break;
      case 'check':
      case 'health':
        effects.push(...askIfDue(task, due.kind, due.at));
        break;
      case 'executor':
        effects.push(...executorDeadlineOver(state, state.executors.get(due.key), due.at, now));
        break;
      case 'operation':
        effects.push(...retryOperation(state, state.operations.get(due.key), due.at, now));
        break;
      default:
        return assertNever(due.kind);
    }
  }
  return effects;
}
