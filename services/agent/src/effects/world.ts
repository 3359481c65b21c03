import { retryEvent, type Logger, type Tracing } from '@meseta/kit';
import { taskStateToProto, type internal } from '@meseta/protocol';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { History } from '../handlers/history';
import type { World } from '../loop';
import type { AgentMetrics } from '../metrics';
import type { MasterSession } from '../session';
import type { Command } from '../state/command';
import type { Act, StatusOut, Write } from '../state/effect';
import type { AgentState } from '../state/state';
import { retryDelayMs } from '../state/status-updates';
import { assertNever } from '@meseta/model';
import type { Containers } from './containers';
import { agentMessage, type Said } from './agent-message';
import { commandExecutor, executorToProto, taskToProto, type Identity } from './register-message';
import type { ExecutorStreams } from './executor-streams';
import type { Probes } from './probes';
import type { StatusContext } from './status-message';
import { changeVolumes } from './volumes';

/** Whatever effects act upon. */
export interface WorldParts {
  readonly checkpoint: Checkpoint;
  readonly containers: Containers;
  readonly session: MasterSession;
  readonly probes: Probes;
  readonly executorStreams: ExecutorStreams;
  readonly push: (command: Command) => void;
  readonly workDir: string;
  readonly identity: Identity;
  readonly statusContext: () => StatusContext;
  readonly history: History;
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
      remember(parts, write);
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
      metrics.executors.set({ type: 'pod' }, executorsOf(state, 'pod'));
      metrics.executors.set({ type: 'custom' }, executorsOf(state, 'custom'));
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

function executorsOf({ executors }: AgentState, kind: 'pod' | 'custom'): number {
  let count = 0;
  for (const executor of executors.values())
    if (executor.kind === kind && executor.phase !== 'ended') count++;
  return count;
}

function tell(parts: WorldParts, said: Said): void {
  parts.session.send(messageOf(parts, said));
}

function messageOf({ checkpoint, identity, statusContext }: WorldParts, said: Said): internal.AgentMessage {
  return agentMessage(checkpoint.state, said, identity, statusContext());
}

function perform(parts: WorldParts, act: Act): void {
  const { containers, session, metrics, log } = parts;
  switch (act.kind) {
    case 'start':
      containers.start(act.key);
      return;
    case 'startExecutor':
      containers.startExecutor(act.key);
      return;
    case 'resize':
      containers.resize(act.key);
      return;
    case 'probe':
      parts.probes.ask(act.key, act.which, act.attempt);
      return;
    case 'changeVolumes':
      performVolumes(parts, act);
      return;
    case 'deliver':
      performDelivery(parts, act);
      return;
    case 'disconnectExecutor':
      parts.executorStreams.close(act.connection, act.message);
      return;
    case 'cancelStart':
      containers.cancelStart(act.key, act.containerId);
      return;
    case 'terminate':
    case 'destroy':
    case 'release':
      containers[act.kind](act.runtime, act.containerId);
      return;
    case 'registered':
      metrics.registrations.inc();
      session.accepted(act.sessionId, act.silenceMaxMs);
      return;
    case 'status':
      if (act.attempt > 1) retried(parts, act);
      tell(parts, act);
      return;
    case 'operation':
      if (act.attempt > 1) metrics.operationRetries.inc();
      else metrics.operations.inc({ state: act.state });
      tell(parts, act);
      return;
    case 'register':
      session.introduce(act.sessionId, () => messageOf(parts, act));
      return;
    case 'pong':
    case 'executorMessage':
    case 'executorEnded':
    case 'resourcesChanged':
    case 'sayGoodbye':
      tell(parts, act);
      return;
    case 'closeSession':
      session.reopen(act.sessionId, act.reason);
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

function performVolumes(
  { workDir, push, log }: WorldParts,
  { uuid, changes }: Act & { kind: 'changeVolumes' },
): void {
  const leftover = (error: unknown): void =>
    log.warn({ err: error }, 'what was on a destroyed volume could not all be deleted');
  const failed = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    push({ kind: 'volumesChanged', uuid, message });
  };
  try {
    const emptied = changeVolumes(workDir, changes, leftover);
    if (emptied === undefined) push({ kind: 'volumesChanged', uuid });
    else emptied.then(() => push({ kind: 'volumesChanged', uuid }), failed);
  } catch (error) {
    failed(error);
  }
}

function performDelivery(
  { checkpoint, containers, executorStreams, identity }: WorldParts,
  { key, connection, events }: Act & { kind: 'deliver' },
): void {
  const { state } = checkpoint;
  const executor = state.executors.get(key);
  const introduction =
    executor === undefined
      ? undefined
      : {
          executorInfo: { ...executor.info, frameworkId: { value: executor.frameworkId } },
          frameworkInfo: state.frameworks.get(executor.frameworkId)?.info,
          agentInfo: {
            ...identity.info,
            ...(state.agentId !== undefined && { id: { value: state.agentId } }),
          },
          containerId: executor.containerId,
        };
  for (const event of events) {
    executorStreams.send(connection, event, introduction);
    const launched = event.kind === 'launch' ? [event.task] : event.kind === 'launchGroup' ? event.tasks : [];
    if (executor !== undefined && launched.length > 0)
      containers.linkToExecutor(
        executor,
        launched.map(({ taskId }) => taskId?.value ?? ''),
      );
  }
}

/** What is forgotten is what has ended. */
function remember({ checkpoint, history, statusContext }: WorldParts, write: Write): void {
  const { state } = checkpoint;
  switch (write.kind) {
    case 'forgetTask': {
      const { task } = write;
      const { frameworkId, taskId } = task;
      const told = { ...taskToProto(state, task, statusContext()), state: taskStateToProto(task.state) };
      history.taskEnded(frameworkId, told.executorId?.value ?? taskId, told);
      if (task.executor === undefined) history.executorEnded(frameworkId, taskId, commandExecutor(task));
      return;
    }
    case 'forgetExecutor': {
      const { frameworkId, executorId } = write.executor;
      history.executorEnded(frameworkId, executorId, executorToProto(write.executor));
      return;
    }
    case 'forgetFramework':
      // It may be back by the time that the turn's writes are made.
      if (!state.frameworks.has(write.frameworkId)) history.frameworkEnded(write.frameworkId, write.info);
      return;
    case 'saveFramework':
      history.frameworkIsBack(write.frameworkId);
      return;
    default:
      return;
  }
}
