import { FailureError, toServiceError, unaryHandler } from '@meseta/kit';
import { failure, frameworkId } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { Session, type SessionDeps } from '../session';

/** The sessions of an allocator: at most one, the one of the highest term. */
export class Sessions {
  #current: Session | undefined;
  #highestTerm = 0;

  constructor(private readonly deps: SessionDeps) {}

  get current(): Session | undefined {
    return this.#current;
  }

  /** Answers one stream: a lower term than one that was served is refused, a higher one ends it. */
  readonly allocate: internal.AllocatorServiceServer['allocate'] = (stream) => {
    let session: Session | undefined;
    const leave = (): void => {
      session?.close();
      if (session !== undefined && this.#current === session) this.#become(undefined);
    };
    stream.on('data', (request: internal.AllocateRequest) => {
      if (session === undefined) {
        const term = Number(request.term);
        if (term < this.#highestTerm) {
          stream.emit(
            'error',
            toServiceError(failure('fenced', `term ${term} is over: term ${this.#highestTerm} is served`)),
          );
          return;
        }
        this.#current?.end('fenced', `term ${term} has begun`);
        this.#highestTerm = term;
        session = new Session(term, stream, this.deps);
        this.#become(session);
      }
      session.receive(request);
    });
    stream.on('end', () => {
      leave();
      stream.end();
    });
    stream.on('cancelled', leave);
    stream.on('error', leave);
  };

  /** Says why a framework gets no offers. */
  readonly explain: internal.AllocatorServiceServer['explain'] = unaryHandler(
    async ({ frameworkId: id, role }: internal.AllocatorServiceExplainRequest) => {
      if (this.#current === undefined)
        throw new FailureError(failure('conflict', 'no master is connected to the allocator'));
      const roles = this.#current.explain(frameworkId(id?.value ?? ''), role);
      if (roles === undefined)
        throw new FailureError(
          failure('notFound', `framework ${id?.value ?? ''} is not known to the allocator`),
        );
      return {
        roles: roles.map((one) => ({
          ...one,
          demands: [...one.demands],
          agents: one.agents.map((agent) => ({ ...agent, agentId: { value: agent.agentId } })),
        })),
      };
    },
  );

  close(): void {
    this.#current?.end('fenced', 'the allocator stops');
    this.#become(undefined);
  }

  #become(session: Session | undefined): void {
    this.#current = session;
    this.deps.metrics.term.set(session?.term ?? 0);
    this.deps.log.info(
      session === undefined ? {} : { term: session.term },
      session === undefined ? 'no master' : 'serving a master',
    );
  }
}
