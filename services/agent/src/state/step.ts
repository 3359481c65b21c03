import type { Instant } from '@meseta/model';
import { assertNever } from '@meseta/model';
import type { Command, Order } from './command';
import type { Effect } from './effect';
import { stepContainerEnded } from './ends';
import { stepShutdownFramework, stepUpdateFramework } from './frameworks';
import { completionTimeOver, graceOf, graceOver, kill } from './kills';
import { stepContainerStarted, stepLaunch, stepStartCancelled, stepStartFailed } from './launches';
import { heed, stepRegistered, stepSessionClosed, stepSessionOpened } from './master-session';
import { disown, stepReconcile } from './reconcile';
import { stepClosing, stepRecovered, stepUnregister } from './recovery';
import type { AgentState } from './state';
import { taskKey } from './state';
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
      return stepContainerStarted(state, command.key, command.containerId, command.facts, now);
    case 'startFailed':
      return stepStartFailed(
        state,
        command.key,
        command.containerId,
        { message: command.message, reason: command.reason },
        now,
      );
    case 'startCancelled':
      return stepStartCancelled(state, command.key, command.containerId, now);
    case 'containerEnded':
      return stepContainerEnded(state, command.key, command.containerId, command.exit, now);
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
      return [{ kind: 'stop', message: `the master refused this agent: ${order.reason}` }];
    case 'ping':
      return [{ kind: 'pong', sequence: order.sequence }];
    case 'launch':
      return stepLaunch(state, order, now);
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
    default:
      return assertNever(order);
  }
}

/** Ends a task; of one that is not here the master is told so (T62). */
function stepKill(state: AgentState, order: Order & { kind: 'kill' }, now: Instant): Effect[] {
  const task = state.tasks.get(taskKey(order.frameworkId, order.taskId));
  if (task !== undefined) return kill(state, task, 'asked', order.graceMs ?? graceOf(task.info), now);
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
        effects.push(...graceOver(task, due.at));
        break;
      case 'completion':
        effects.push(...completionTimeOver(state, task, due.at, now));
        break;
      default:
        return assertNever(due.kind);
    }
  }
  return effects;
}
