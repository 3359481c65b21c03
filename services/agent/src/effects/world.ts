import { retryEvent, type Logger, type Tracing } from '@meseta/kit';
import { taskStateToProto } from '@meseta/protocol';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { CompletedTasks } from '../handlers/agent-view';
import type { World } from '../loop';
import type { AgentMetrics } from '../metrics';
import type { MasterSession } from '../session';
import type { Act, StatusOut, Write } from '../state/effect';
import { retryDelayMs } from '../state/status-updates';
import { assertNever } from '@meseta/model';
import type { Containers } from './containers';
import { registerMessage, taskToProto, type Identity } from './register-message';
import { statusMessage, type StatusContext } from './status-message';

/** Whatever effects act upon. */
export interface WorldParts {
  readonly checkpoint: Checkpoint;
  readonly containers: Containers;
  readonly session: MasterSession;
  readonly identity: Identity;
  readonly statusContext: () => StatusContext;
  readonly completed: CompletedTasks;
  readonly metrics: AgentMetrics;
  readonly tracing: Tracing;
  readonly log: Logger;
  readonly fatal: (kind: 'conflict' | 'bug', message: string) => void;
}

/** The world of an agent in production. */
export function createWorld(parts: WorldParts): World {
  const { checkpoint, metrics, log, fatal } = parts;
  return {
    write: (write) => {
      if (write.kind === 'forgetTask') remember(parts, write);
      checkpoint.write(write);
    },
    commit: async () => {
      const startMs = performance.now();
      await checkpoint.commit();
      metrics.commitSeconds.observe((performance.now() - startMs) / 1000);
    },
    perform: (act) => perform(parts, act),
    turned: (seconds) => {
      const { state } = checkpoint;
      metrics.turnSeconds.observe(seconds);
      metrics.unacknowledged.set(state.unacknowledged);
      metrics.registered.set(state.session?.registered === true ? 1 : 0);
      metrics.term.set(state.term);
    },
    failed: (error) => {
      log.fatal({ err: error }, 'the agent cannot go on');
      fatal('bug', `the agent cannot go on: ${error instanceof Error ? error.message : String(error)}`);
    },
  };
}

/** An update that nobody acknowledged: it has no span that is still open, so each new try is one. */
function retried(
  { metrics, tracing }: WorldParts,
  { attempt, taskId, frameworkId, status, traceparent }: StatusOut,
): void {
  metrics.statusRetries.inc();
  if (!tracing.enabled || traceparent === '') return;
  const attributes = { 'task.id': taskId, 'framework.id': frameworkId, state: status.state };
  const span = tracing.start('agent.status_update', { parent: traceparent, attributes, kind: 'producer' });
  retryEvent(span, { attempt, delayMs: retryDelayMs(attempt - 1), error: 'no acknowledgement' });
  span.end();
}

function perform(parts: WorldParts, act: Act): void {
  const { checkpoint, containers, session, metrics, log } = parts;
  const { state } = checkpoint;
  switch (act.kind) {
    case 'start':
      containers.start(act.key);
      return;
    case 'cancelStart':
      containers.cancelStart(act.key, act.containerId);
      return;
    case 'terminate':
    case 'destroy':
    case 'release':
      containers[act.kind](act.runtime, act.containerId);
      return;
    case 'register':
      session.send(registerMessage(state, parts.identity, parts.statusContext()));
      return;
    case 'registered':
      metrics.registrations.inc();
      session.accepted(act.silenceMaxMs);
      return;
    case 'pong':
      session.send({ message: { $case: 'pong', value: { sequence: act.sequence } } });
      return;
    case 'status': {
      if (act.attempt > 1) retried(parts, act);
      const task = act.key === undefined ? undefined : state.tasks.get(act.key);
      session.send(statusMessage(act, task?.runtime === '' ? undefined : task, parts.statusContext()));
      return;
    }
    case 'sayGoodbye':
      session.send({ message: { $case: 'unregister', value: { reason: act.reason } } });
      return;
    case 'closeSession':
      session.reopen(act.reason);
      return;
    case 'stop':
      parts.fatal('conflict', act.message);
      return;
    case 'note': {
      const { level, message, kind: _, ...keys } = act;
      if (act.state !== undefined) metrics.statusUpdates.inc({ state: act.state });
      log[level](keys, message);
      return;
    }
    default:
      assertNever(act);
  }
}

function remember(
  { checkpoint, completed, statusContext }: WorldParts,
  { task }: Write & { kind: 'forgetTask' },
): void {
  completed.add({
    ...taskToProto(task, checkpoint.state.agentId, statusContext()),
    state: taskStateToProto(task.state),
  });
}
