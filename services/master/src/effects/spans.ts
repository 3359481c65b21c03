import type { Clock, Span, Tracing } from '@meseta/kit';
import type { OfferId } from '@meseta/model';
import type { OfferOutcome } from '../state/effect';
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

  statusUpdate(task: Task, state: string, traceparent: string): void {
    if (!this.tracing.enabled || traceparent === '') return;
    const attributes = { 'task.id': task.id, 'framework.id': task.frameworkId, state };
    this.tracing
      .start('master.status_update', { parent: traceparent, attributes, startMs: this.clock.now() })
      .end();
  }

  /** The term is over: what is open ends with it. */
  endAll(): void {
    for (const span of this.#open.values()) span.end({ error: 'the master leads no more' });
    this.#open.clear();
  }
}
