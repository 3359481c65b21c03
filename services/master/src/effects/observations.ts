import type { Clock, Logger } from '@meseta/kit';
import type { MasterMetrics } from '../metrics';
import type { Observation } from '../state/effect';
import type { Offer, Task } from '../state/state';
import { wentWrong, type Spans } from './spans';

/** Traces of accepted offers that are kept for the stages of the launches they led to. */
const tracesKeptMax = 10_000;

/** Tells what happened: one log line and one counter for each transition, and the spans of the offer's way. */
export class Observations {
  /** The trace of an accepted offer, by what a task keeps of it. */
  readonly #traces = new Map<string, string>();

  constructor(
    private readonly metrics: MasterMetrics,
    private readonly log: Logger,
    private readonly spans: Spans,
    private readonly clock: Clock,
  ) {}

  tell(observation: Observation): void {
    const { metrics, log, spans } = this;
    switch (observation.kind) {
      case 'offerSent':
        metrics.offersSent.inc();
        this.#stage(
          'offer',
          observation.offer.allocatedAt,
          observation.offer.offeredAt,
          observation.offer.traceparent,
        );
        spans.offerSent(observation.offer);
        return;
      case 'offerDecided': {
        const { offer, outcome } = observation;
        // An offer that is withdrawn because its framework is away counts as rescinded: the framework lost it.
        metrics.offers.inc({ outcome: outcome === 'withdrawn' ? 'rescinded' : outcome });
        if (outcome === 'accepted' || outcome === 'declined')
          metrics.offerDecisionSeconds.observe(
            {},
            Math.max(0, this.clock.now() - offer.offeredAt) / 1000,
            offer.traceparent,
          );
        if (outcome === 'accepted') this.#keepTrace(offer);
        spans.offerDecided(offer, outcome);
        return;
      }
      case 'launchRefused':
        spans.launchRefused(observation);
        return;
      case 'proposalDropped':
        metrics.proposalsDropped.inc({ why: observation.why });
        return;
      case 'taskState': {
        const { task, from, to } = observation;
        metrics.tasksTotal.inc({ state: to });
        if (task.allocatedAt !== undefined) {
          const stage = stages.get(to);
          if (stage !== undefined)
            this.#stage(stage, task.allocatedAt, this.clock.now(), this.#traceOf(task));
        }
        log.debug(
          { taskId: task.id, frameworkId: task.frameworkId, agentId: task.agentId, from, to },
          'task',
        );
        return;
      }
      case 'statusForwarded': {
        const { task, state, traceparent } = observation;
        metrics.statusUpdates.inc({ state });
        const startedAt = task.statuses.find((one) => one.state === ('TASK_RUNNING' as unknown))?.timestamp;
        if (state === 'TASK_RUNNING' && task.allocatedAt !== undefined && startedAt !== undefined) {
          // When the agent saw its container run, by the agent's clock.
          metrics.taskLaunchSeconds.observe(
            { stage: 'container' },
            Math.max(0, startedAt - task.allocatedAt / 1000),
            this.#traceOf(task),
          );
        }
        // Only of sampled traces: those are the ones that somebody can look up. One line for a task that goes well.
        if (traceparent.endsWith('-01') && (state === 'TASK_RUNNING' || wentWrong.has(state))) {
          const traceId = traceparent.slice(3, 35);
          log.info(
            { taskId: task.id, frameworkId: task.frameworkId, state, traceId },
            'status update forwarded',
          );
        }
        spans.statusUpdate(task, state, traceparent);
        return;
      }
      case 'agent':
        log.info(
          { agentId: observation.agentId, to: observation.to },
          `agent ${observation.to}: ${observation.why}`,
        );
        return;
      case 'agentRefused':
        log.warn({ hostname: observation.hostname }, `agent refused: ${observation.why}`);
        return;
      case 'removalDelayed':
        metrics.agentRemovalsDelayed.inc();
        log.warn(
          { agentId: observation.agentId },
          'agent does not answer, and others were given up a moment ago: it waits (--agent-removal-rate-limit)',
        );
        return;
      case 'framework':
        log.info(
          { frameworkId: observation.frameworkId, name: observation.name, to: observation.to },
          `framework ${observation.to}: ${observation.why}`,
        );
        return;
      case 'operation': {
        const { operation } = observation;
        metrics.operations.inc({ type: operation.info.type ?? 'UNKNOWN', state: operation.state });
        log.info(
          { agentId: operation.agentId, frameworkId: operation.frameworkId, operationId: operation.id },
          `operation ${operation.info.type ?? ''} ${operation.state}`,
        );
        return;
      }
      case 'operationDropped':
        metrics.operations.inc({ type: observation.type, state: 'OPERATION_DROPPED' });
        log.warn(
          { frameworkId: observation.framework.id },
          `operation ${observation.type} dropped: ${observation.why}`,
        );
        return;
      case 'ignored':
        metrics.ignored.inc({ kind: observation.what });
        return;
    }
  }

  #stage(stage: string, fromMs: number, toMs: number, traceparent: string): void {
    this.metrics.taskLaunchSeconds.observe({ stage }, Math.max(0, toMs - fromMs) / 1000, traceparent);
  }

  #keepTrace(offer: Offer): void {
    if (offer.traceparent === '') return;
    this.#traces.set(allocationOf(offer), offer.traceparent);
    if (this.#traces.size <= tracesKeptMax) return;
    const [oldest] = this.#traces.keys();
    if (oldest !== undefined) this.#traces.delete(oldest);
  }

  #traceOf(task: Task): string {
    return this.#traces.size === 0 ? '' : (this.#traces.get(allocationOf(task)) ?? '');
  }
}

/** The stage of a launch that a task has reached when it enters a state. */
const stages: ReadonlyMap<string, string> = new Map([
  ['TASK_STAGING', 'accept'],
  ['TASK_STARTING', 'agent'],
  ['TASK_RUNNING', 'running'],
]);

/** What an offer and the tasks launched with it have in common. */
function allocationOf({ frameworkId, agentId, allocatedAt }: Offer | Task): string {
  return `${frameworkId}/${agentId}/${allocatedAt ?? 0}`;
}
