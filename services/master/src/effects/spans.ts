import type { Clock, NamedError, Span, Tracing } from '@meseta/kit';
import type { OfferId, TaskState } from '@meseta/model';
import type { Observation, OfferOutcome } from '../state/effect';
import type { Offer, Task } from '../state/state';

/** Spans of decided offers that are kept for the launches of the same turn. */
const decidedKeptMax = 1000;

/** The master's part of an offer's way: `master.offer` → `master.launch`, then `master.status_update` for each status. */
export class Spans {
  readonly #open = new Map<OfferId, Span>();
  readonly #decided = new Map<OfferId, string>();

  constructor(
    private readonly tracing: Tracing,
    private readonly clock: Clock,
  ) {}

  offerSent(offer: Offer): void {
    if (!this.tracing.enabled) return;
    const attributes = {
      'offer.id': offer.id,
      'framework.id': offer.frameworkId,
      'agent.id': offer.agentId,
      role: offer.role,
    };
    this.#open.set(
      offer.id,
      this.tracing.start('master.offer', { parent: offer.traceparent, attributes, startMs: offer.offeredAt }),
    );
  }

  offerDecided(offer: Offer, outcome: OfferOutcome): void {
    const span = this.#open.get(offer.id);
    if (span === undefined) return;
    this.#open.delete(offer.id);
    span.set({ outcome });
    span.end();
    this.#decided.set(offer.id, span.traceparent);
    if (this.#decided.size <= decidedKeptMax) return;
    const [oldest] = this.#decided.keys();
    if (oldest !== undefined) this.#decided.delete(oldest);
  }

  /** The traceparent that the agent goes on from. */
  launch(task: Task, offerId: OfferId): string {
    if (!this.tracing.enabled) return '';
    const parent = this.#decided.get(offerId);
    const span = this.tracing.start('master.launch', {
      ...(parent === undefined ? {} : { parent }),
      attributes: { 'task.id': task.id, 'framework.id': task.frameworkId, 'agent.id': task.agentId },
    });
    span.end();
    return span.traceparent;
  }

  /** A launch that never reached an agent: a span that failed, below the offer that it was tried on. */
  launchRefused({
    framework,
    offerIds,
    taskId,
    reason,
    message,
  }: Extract<Observation, { kind: 'launchRefused' }>): void {
    if (!this.tracing.enabled) return;
    const parent = offerIds.map((id) => this.#decided.get(id)).find((one) => one !== undefined);
    this.tracing
      .start('master.launch', {
        ...(parent === undefined ? {} : { parent }),
        attributes: { 'task.id': taskId, 'framework.id': framework.id },
      })
      .end({ error: { type: reason, message } });
  }

  statusUpdate(task: Task, state: TaskState, traceparent: string): void {
    if (!this.tracing.enabled || traceparent === '') return;
    const attributes = { 'task.id': task.id, 'framework.id': task.frameworkId, state };
    this.tracing
      .start('master.status_update', { parent: traceparent, attributes, startMs: this.clock.now() })
      .end(wentWrong.has(state) ? { error: whyOf(task, state) } : {});
  }

  /** The term is over: what is open ends with it. */
  endAll(): void {
    for (const span of this.#open.values()) span.end({ error: 'the master leads no more' });
    this.#open.clear();
  }
}

/** States in which a span of a task has failed. A task that was killed has done what it was asked to. */
export const wentWrong: ReadonlySet<TaskState> = new Set<TaskState>([
  'TASK_FAILED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNREACHABLE',
]);

function whyOf(task: Task, state: TaskState): NamedError {
  const status = task.statuses.findLast((one) => one.state === (state as unknown));
  return { type: status?.reason ?? state, message: status?.message ?? state };
}
