import type { Clock, Logger } from '@meseta/kit';
import type { MasterMetrics } from '../metrics';
import type { Observation } from '../state/effect';
import type { Spans } from './spans';

/** Tells what happened: one log line and one counter for each transition, and the spans of the offer's way. */
export class Observations {
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
        this.#stage('offer', observation.offer.allocatedAt, observation.offer.offeredAt);
        spans.offerSent(observation.offer);
        return;
      case 'offerDecided': {
        const { offer, outcome } = observation;
        // An offer that is withdrawn because its framework is away counts as rescinded: the framework lost it.
        metrics.offers.inc({ outcome: outcome === 'withdrawn' ? 'rescinded' : outcome });
        if (outcome === 'accepted' || outcome === 'declined')
          metrics.offerDecisionSeconds.observe(Math.max(0, this.clock.now() - offer.offeredAt) / 1000);
        spans.offerDecided(offer, outcome);
        return;
      }
      case 'proposalDropped':
        metrics.proposalsDropped.inc({ why: observation.why });
        return;
      case 'taskState': {
        const { task, from, to } = observation;
        metrics.tasksTotal.inc({ state: to });
        if (task.allocatedAt !== undefined) {
          if (to === 'TASK_STAGING') this.#stage('accept', task.allocatedAt, this.clock.now());
          if (to === 'TASK_STARTING') this.#stage('agent', task.allocatedAt, this.clock.now());
          if (to === 'TASK_RUNNING') this.#stage('running', task.allocatedAt, this.clock.now());
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
      case 'framework':
        log.info(
          { frameworkId: observation.frameworkId, name: observation.name, to: observation.to },
          `framework ${observation.to}: ${observation.why}`,
        );
        return;
      case 'ignored':
        metrics.ignored.inc({ kind: observation.what });
        return;
    }
  }

  #stage(stage: string, fromMs: number, toMs: number): void {
    this.metrics.taskLaunchSeconds.observe({ stage }, Math.max(0, toMs - fromMs) / 1000);
  }
}
