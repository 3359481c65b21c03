// One term of leadership: the core, and everything it talks to. It is dropped whole when the term ends.

import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Clock, Logger, Timers, Tracing } from '@meseta/kit';
import { failure, type AgentId } from '@meseta/model';
import type { MasterInfo, SubscribeRequest, SubscribeResponse, internal } from '@meseta/protocol';
import { AgentSessions } from './effects/agent-sessions';
import { AllocatorLink } from './effects/allocator-link';
import { FrameworkStreams } from './effects/framework-streams';
import { Observations } from './effects/observations';
import { OperatorEvents } from './effects/operator-events';
import { Replies } from './effects/replies';
import { Spans } from './effects/spans';
import { observeState } from './effects/gauges';
import { Loop, type World } from './loop';
import type { MasterMetrics } from './metrics';
import type { Command, FrameworkDescription } from './state/command';
import type { Effect } from './state/effect';
import {
  agentOfSession,
  type MasterState,
  type MasterView,
  type SessionId,
  type StreamId,
} from './state/state';
import { eventToProto } from './wire/events';
import { dialectOf, fullDialect, type Dialect } from './wire/resources';
import { launchGroupOrder, launchOrder } from './wire/orders';
import { operatorEventToProto } from './wire/operator-events';

/** The queues of a term, as their label names them. */
export type QueueName =
  'commands' | 'agent_orders' | 'framework_events' | 'allocation_changes' | 'operator_events';

export interface TermDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: () => number;
  readonly metrics: MasterMetrics;
  readonly tracing: Tracing;
  readonly log: Logger;
  readonly allocator: readonly string[];
  readonly masterInfo: MasterInfo;
  /** Makes operations durable in this term; rejects when the term is over or may be. */
  readonly commit: (operations: readonly internal.RegistryOperation[]) => Promise<void>;
  /** Gives the leadership up. */
  readonly resign: (reason: string) => void;
}

export class Term implements World {
  readonly number: number;
  readonly electedAtMs: number;
  readonly sessions: AgentSessions;
  readonly replies = new Replies();
  readonly events: OperatorEvents;
  readonly #streams: FrameworkStreams;
  readonly #state: MasterState;
  readonly #deps: TermDeps;
  readonly #loop: Loop;
  readonly #link: AllocatorLink;
  readonly #spans: Spans;
  readonly #observations: Observations;
  readonly #dialects = new Map<StreamId, Dialect>();

  constructor(state: MasterState, deps: TermDeps) {
    this.number = state.term;
    this.electedAtMs = deps.clock.now();
    this.#state = state;
    this.#deps = deps;
    this.sessions = new AgentSessions(deps.log, deps.metrics.streams.observer('agent_orders'));
    this.events = new OperatorEvents(state.term, (events) =>
      deps.metrics.queues.refused('operator_events', events),
    );
    this.#streams = new FrameworkStreams(deps.log, deps.metrics.streams.observer('framework_events'));
    this.#spans = new Spans(deps.tracing, deps.clock);
    this.#observations = new Observations(deps.metrics, deps.log, this.#spans, deps.clock);
    this.#loop = new Loop(state, this, deps);
    this.#link = new AllocatorLink({
      ...deps,
      addresses: deps.allocator,
      term: state.term,
      submit: (command) => this.submit(command),
    });
  }

  /** Begins to serve. */
  async start(effects: readonly Effect[]): Promise<void> {
    await this.#loop.start(effects);
    this.#link.connect();
  }

  submit(command: Command): boolean {
    return this.#loop.submit(command);
  }

  query<T>(read: (view: MasterView) => T): Promise<T | undefined> {
    return this.#loop.query(read);
  }

  get allocatorClient(): internal.AllocatorServiceClient | undefined {
    return this.#link.client;
  }

  /** A framework's stream: its end is told to the core. */
  subscribe(
    call: ServerWritableStream<SubscribeRequest, SubscribeResponse>,
    framework: FrameworkDescription,
    suppressedRoles: readonly string[],
  ): void {
    const stream = this.#streams.open(call);
    this.#dialects.set(stream, dialectOf(framework.capabilities));
    const ended = (): void => {
      this.#streams.forget(stream);
      this.#dialects.delete(stream);
      this.submit({ kind: 'streamEnded', stream });
    };
    call.on('cancelled', ended);
    call.on('close', ended);
    call.on('error', ended);
    if (!this.submit({ kind: 'subscribe', stream, framework, suppressedRoles })) this.#streams.end(stream);
  }

  agentOfSession(session: SessionId): AgentId | undefined {
    return agentOfSession(this.#state, session)?.id;
  }

  commit(operations: readonly internal.RegistryOperation[]): Promise<void> {
    return this.#deps.commit(operations);
  }

  endTerm(reason: string): void {
    this.resign(`a commit failed: ${reason}`);
  }

  resign(reason: string): void {
    this.#deps.resign(reason);
  }

  perform(effect: Effect): void {
    switch (effect.kind) {
      case 'commit':
        return;
      case 'reply':
        return this.replies.answer(effect.call, effect.result);
      case 'event':
        return this.#streams.send(effect.stream, this.#event(effect));
      case 'endStream':
        return this.#streams.end(effect.stream);
      case 'toAgent':
        return this.sessions.send(effect.session, effect.message);
      case 'launch':
        return this.#launch(effect);
      case 'launchGroup':
        return this.#launchGroup(effect);
      case 'endSession':
        return this.sessions.end(effect.session, effect.why);
      case 'allocation':
        return this.#link.send(effect.version, effect.snapshot, effect.change);
      case 'operator':
        return this.events.add(operatorEventToProto(effect.event, this.#state));
      case 'seen':
        return this.#observations.tell(effect.observation);
    }
  }

  /** Refreshes the gauges that are read from the state. */
  observe(): void {
    observeState(this.#state, this.#deps.metrics, this.#deps.clock.now());
  }

  /** How much waits in each queue of the term. */
  get queued(): Readonly<Record<QueueName, number>> {
    return {
      commands: this.#loop.queued,
      agent_orders: this.sessions.queuedMost,
      framework_events: this.#streams.queuedMost,
      allocation_changes: this.#link.queued,
      operator_events: this.events.queuedMost,
    };
  }

  /** Ends everything: whoever was connected is told where the leader is now, if that is known. */
  close(leader: string | undefined): void {
    this.#loop.stop();
    this.#link.close();
    this.replies.refuseAll(
      failure('notLeader', 'this master leads no more', leader === undefined ? undefined : { leader }),
    );
    this.#streams.endAll(leader);
    this.sessions.endAll(leader);
    this.#spans.endAll();
  }

  #event({ stream, event }: Extract<Effect, { kind: 'event' }>) {
    return eventToProto(event, {
      masterInfo: this.#deps.masterInfo,
      heartbeatIntervalSeconds: this.#state.options.heartbeatIntervalMs / 1000,
      dialect: this.#dialects.get(stream) ?? fullDialect,
    });
  }

  #launch(effect: Extract<Effect, { kind: 'launch' }>): void {
    const traceparent = this.#spans.launch(effect.task, effect.offerId);
    this.sessions.send(effect.session, launchOrder(effect, traceparent));
  }

  #launchGroup(effect: Extract<Effect, { kind: 'launchGroup' }>): void {
    const traceparents = effect.tasks.map((task) => this.#spans.launch(task, effect.offerId));
    this.sessions.send(effect.session, launchGroupOrder(effect, traceparents));
  }
}
