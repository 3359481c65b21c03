import { retryEvent, type Clock, type Retry, type Span, type Tracing } from '@meseta/kit';

/** Commits that did not go well at once, as the span `master.commit`. The others are in a metric; a trace of each would be noise. */
export class CommitTraces {
  constructor(
    private readonly tracing: Tracing,
    private readonly clock: Clock,
  ) {}

  begin(term: number, operations: number): CommitTrace {
    return new CommitTrace(this.tracing, { term, operations }, this.clock.now());
  }
}

/** One commit. Its span begins when something goes wrong, and dates from when the commit began. */
class CommitTrace {
  #span: Span | undefined;

  constructor(
    private readonly tracing: Tracing,
    private readonly attributes: { readonly term: number; readonly operations: number },
    private readonly startMs: number,
  ) {}

  retried(retry: Retry): void {
    retryEvent(this.#begun(), retry);
  }

  done(): void {
    this.#span?.end();
  }

  failed(error: unknown): void {
    this.#begun().end({ error });
  }

  #begun(): Span {
    const { attributes, startMs } = this;
    return (this.#span ??= this.tracing.start('master.commit', { kind: 'client', attributes, startMs }));
  }
}
