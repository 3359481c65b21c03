import type { ServerDuplexStream } from '@grpc/grpc-js';
import { toServiceError, type Logger } from '@meseta/kit';
import { failure, isFailure, type AgentId, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { Command } from '../state/command';
import type { SessionId } from '../state/state';
import type { Term } from '../term';
import { agentCommandOf, registrationOf } from './agent-messages';
import { notLeader, type Leading } from './leading';

type Stream = ServerDuplexStream<internal.ConnectRequest, internal.ConnectResponse>;

/** The AgentGateway: one stream for each agent, registration first. */
export function agentGatewayHandlers(leading: Leading, log: Logger): internal.AgentGatewayServer {
  return {
    connect: (stream) => {
      const { term } = leading;
      if (term === undefined) return void stream.emit('error', toServiceError(notLeader(leading)));
      new Connection(stream, term, log);
    },
  };
}

/** One agent's stream. */
class Connection {
  readonly #session: SessionId;
  #agentId: AgentId | undefined;

  constructor(
    private readonly stream: Stream,
    private readonly term: Term,
    private readonly log: Logger,
  ) {
    this.#session = term.sessions.open(stream, term.number);
    stream.on('data', (request: internal.ConnectRequest) => this.#receive(request));
    stream.on('end', () => {
      this.#ended();
      stream.end();
    });
    stream.on('cancelled', () => this.#ended());
    stream.on('error', () => this.#ended());
  }

  #receive(request: internal.ConnectRequest): void {
    if (Number(request.term) > this.term.number) {
      this.log.warn(
        { term: this.term.number, seen: Number(request.term) },
        'an agent obeys a higher term: this master steps down',
      );
      return this.term.resign('an agent obeys a higher term');
    }
    for (const { message } of request.messages) {
      const command = this.#commandOf(message);
      if (command === undefined) continue;
      if (isFailure(command)) return this.#refuse(command);
      if (!this.term.submit(command))
        return this.#refuse(failure('overloaded', 'the queue of the master is full'));
    }
  }

  #commandOf(message: internal.AgentMessage['message']): Command | Failure | undefined {
    const session = this.#session;
    if (message?.$case === 'register') {
      const registration = registrationOf(message.value, session);
      if (!isFailure(registration)) this.#agentId = registration.agentId;
      return registration;
    }
    const agentId = this.#agentId ?? this.term.agentOfSession(session);
    if (agentId === undefined)
      return failure('invalid', 'the first message must be register', { field: 'messages' });
    this.#agentId = agentId;
    if (message === undefined)
      this.log.warn({ agentId }, 'an agent sent a message of a kind that this master does not know');
    return agentCommandOf(message, session, agentId);
  }

  #ended(): void {
    this.term.sessions.forget(this.#session);
    const agentId = this.#agentId ?? this.term.agentOfSession(this.#session);
    if (agentId !== undefined)
      this.term.submit({ kind: 'agentSessionEnded', session: this.#session, agentId });
  }

  #refuse(why: Failure): void {
    this.log.warn({ agentId: this.#agentId }, `an agent is refused: ${why.message}`);
    this.stream.emit('error', toServiceError(why));
  }
}
