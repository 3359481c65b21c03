import type { ServerDuplexStream } from '@grpc/grpc-js';
import { toServiceError, type Logger } from '@meseta/kit';
import { failure, isFailure, type AgentId, type Failure } from '@meseta/model';
import { attributesFromProto, resourcesFromProto, taskStateFromProto, type internal } from '@meseta/protocol';
import type { AgentRegistration, Command, ReportedTask } from '../state/command';
import type { SessionId } from '../state/state';
import type { Term } from '../term';
import { notLeader, type Leading } from './leading';
import { agentIfNamed, agentOf, descriptionOf, frameworkOf, taskOf } from './read';

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
    if (message?.$case === 'register') return this.#registration(message.value);
    const agentId = this.#agentId ?? this.term.agentOfSession(session);
    if (agentId === undefined)
      return failure('invalid', 'the first message must be register', { field: 'messages' });
    this.#agentId = agentId;
    switch (message?.$case) {
      case 'pong':
        return { kind: 'pong', session, agentId, sequence: Number(message.value.sequence) };
      case 'statusUpdate':
        return statusUpdateOf(message.value, session, agentId);
      case 'unregister':
        return { kind: 'agentUnregister', session, agentId, reason: message.value.reason };
      case undefined:
        this.log.warn({ agentId }, 'an agent sent a message of a kind that this master does not know');
        return undefined;
    }
  }

  #registration(register: internal.Register): Command | Failure {
    const registration = registrationOf(register, this.#session);
    if (isFailure(registration)) return registration;
    this.#agentId = registration.agentId;
    return { kind: 'agentRegister', ...registration };
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

function registrationOf(register: internal.Register, session: SessionId): AgentRegistration | Failure {
  const info = register.agentInfo;
  if (info === undefined)
    return failure('invalid', 'register.agent_info must be set', { field: 'register.agent_info' });
  if ((info.hostname ?? '') === '')
    return failure('invalid', 'register.agent_info.hostname must not be empty', {
      field: 'register.agent_info.hostname',
    });
  const total = resourcesFromProto(info.resources);
  if (isFailure(total)) return total;
  const attributes = attributesFromProto(info.attributes);
  if (isFailure(attributes)) return attributes;
  const tasks: ReportedTask[] = [];
  for (let i = 0; i < register.tasks.length; i++) {
    const task = reportedTaskOf(register, i);
    if (isFailure(task)) return task;
    tasks.push(task);
  }
  return {
    session,
    agentId: agentIfNamed(info.id),
    info,
    cluster: register.cluster,
    version: register.version,
    capabilities: register.capabilities.flatMap(({ type }) => (type === undefined ? [] : [type])),
    grpcAddress: register.grpcAddress,
    httpAddress: register.httpAddress,
    total: total.unallocate(),
    attributes,
    tasks,
    frameworks: register.frameworks.map(descriptionOf),
  };
}

function reportedTaskOf(register: internal.Register, at: number): ReportedTask | Failure {
  const task = register.tasks[at];
  const info = register.taskInfos[at];
  if (task === undefined || info === undefined)
    return failure('invalid', 'register.task_infos must be as many as register.tasks', {
      field: 'register.task_infos',
    });
  const resources = resourcesFromProto(info.resources);
  if (isFailure(resources)) return resources;
  const state = taskStateFromProto(task.state);
  if (isFailure(state)) return state;
  return {
    taskId: taskOf(task.taskId),
    frameworkId: frameworkOf(task.frameworkId),
    task,
    info,
    role: resources.entries[0]?.allocationRole ?? '*',
    resources: resources.unallocate(),
    state,
  };
}

function statusUpdateOf(
  update: internal.StatusUpdate,
  session: SessionId,
  agentId: AgentId,
): Command | Failure {
  const { status } = update;
  if (status === undefined)
    return failure('invalid', 'status_update.status must be set', { field: 'status_update.status' });
  const state = taskStateFromProto(status.state);
  if (isFailure(state)) return state;
  const latestState = taskStateFromProto(update.latestState);
  return {
    kind: 'statusUpdate',
    session,
    agentId,
    frameworkId: frameworkOf(update.frameworkId),
    taskId: taskOf(status.taskId),
    status: { ...status, agentId: status.agentId ?? { value: agentOf({ value: agentId }) } },
    state,
    latestState: isFailure(latestState) ? state : latestState,
    uuid: status.uuid?.toString('hex') ?? '',
    traceparent: update.traceparent,
  };
}
