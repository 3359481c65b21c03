import { isFailure, type Failure, type Instant } from '@meseta/model';
import { isFailureError } from '@meseta/kit';
import {
  agentCommandOf,
  agentOfSession,
  changeToProto,
  descriptionOf,
  dialectOf,
  eventToProto,
  frameworkOf,
  fullDialect,
  launchGroupOrder,
  launchOrder,
  nextDeadline,
  recover,
  recoveredOf,
  registrationOf,
  schedulerReaders,
  step,
  type Command,
  type Dialect,
  type Effect,
  type MasterOptions,
  type MasterState,
  type SchedulerRequests,
} from '@meseta/master/core';
import { internal, type scheduler, type SubscribeRequest } from '@meseta/protocol';
import type { Time } from './agenda';
import type { AllocatorSaid, AllocatorTold } from './allocator-node';
import { SimCampaign } from './campaign';
import type { End, Network, NodeId } from './network';
import { NodeLoop } from './node-loop';
import type { Random } from './random';
import type { RegistryAnswered, RegistryAsked } from './registry-node';

/** What a framework says to begin its stream. */
export type SubscribeSaid = SubscribeRequest;

/** What a master sends over a framework's stream. */
export type SubscribeTold =
  | { readonly kind: 'events'; readonly streamId: string; readonly events: readonly scheduler.Event[] }
  | { readonly kind: 'notLeader'; readonly leader: string | undefined };

/** One unary call of a framework. */
export type CallAsked = {
  readonly [Name in keyof SchedulerRequests]: {
    readonly name: Name;
    readonly request: SchedulerRequests[Name];
  };
}[keyof SchedulerRequests];

export type CallAnswered =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'notLeader'; readonly leader: string | undefined };

/** What an agent says, and what it is told. */
export interface AgentSaid {
  readonly term: number;
  readonly messages: readonly internal.AgentMessage[];
}

export type AgentTold =
  | { readonly kind: 'orders'; readonly term: number; readonly messages: readonly internal.MasterMessage[] }
  | { readonly kind: 'notLeader'; readonly leader: string | undefined };

/** Watches every step of every master. */
export interface MasterObserver {
  masterStepped(node: MasterNode, state: MasterState, command: Command, effects: readonly Effect[]): void;
}

export interface MasterNodeDeps {
  readonly agenda: Time;
  readonly network: Network;
  readonly random: Random;
  readonly registries: readonly NodeId[];
  readonly allocators: readonly NodeId[];
  readonly options: MasterOptions;
  readonly leaseTtlMs: number;
  readonly belief: number;
  readonly observer: MasterObserver;
}

/** One master: it stands for leadership, and while it leads it runs the real core on connections of the simulated network. */
export class MasterNode {
  up = false;
  term: SimTerm | undefined;
  #campaign: SimCampaign | undefined;
  #starts = 0;
  #leader: string | undefined;

  constructor(
    readonly id: NodeId,
    readonly deps: MasterNodeDeps,
  ) {}

  get leads(): boolean {
    return this.term?.serving === true;
  }

  get state(): MasterState | undefined {
    return this.term?.state;
  }

  start(): void {
    this.up = true;
    const { network } = this.deps;
    const candidate = `${this.id}.${++this.#starts}`;
    this.#campaign = new SimCampaign(
      { ...this.deps, random: this.deps.random.fork(candidate), node: this.id, candidate },
      {
        elected: (term) => this.#elected(term, candidate),
        lost: () => this.#lost(),
        leaderIs: (leader) => (this.#leader = leader),
      },
    );
    network.listen(this.id, 'agent', (end) => this.#agent(end as unknown as End<AgentSaid, AgentTold>));
    network.listen(this.id, 'subscribe', (end) =>
      this.#subscribe(end as unknown as End<SubscribeSaid, SubscribeTold>),
    );
    network.listen(this.id, 'call', (end) => this.#call(end as unknown as End<CallAsked, CallAnswered>));
    this.#campaign.start();
  }

  crash(silent: boolean): void {
    this.up = false;
    this.term?.drop();
    this.term = undefined;
    this.#campaign?.close();
    this.#campaign = undefined;
    this.#leader = undefined;
    this.deps.network.down(this.id, silent);
  }

  /** For a term that may not go on. */
  resign(why: string): void {
    this.#campaign?.resign(why);
  }

  leadsTerm(term: number): boolean {
    return this.#campaign?.leads(term) === true;
  }

  #elected(number: number, candidate: string): void {
    this.#leader = this.id;
    this.term = new SimTerm(this, number, `${candidate}.${number}`);
  }

  #lost(): void {
    const { term } = this;
    this.term = undefined;
    this.#leader = undefined;
    term?.end(undefined);
  }

  #agent(end: End<AgentSaid, AgentTold>): void {
    if (this.term?.serving !== true) {
      end.send({ kind: 'notLeader', leader: this.#hint() });
      return end.close();
    }
    this.term.agent(end);
  }

  #subscribe(end: End<SubscribeSaid, SubscribeTold>): void {
    if (this.term?.serving !== true) {
      end.send({ kind: 'notLeader', leader: this.#hint() });
      return end.close();
    }
    this.term.subscribe(end);
  }

  #call(end: End<CallAsked, CallAnswered>): void {
    end.onMessage = (asked) => {
      if (this.term?.serving !== true) return end.send({ kind: 'notLeader', leader: this.#hint() });
      this.term.call(asked, (answer) => end.send(answer));
    };
  }

  #hint(): string | undefined {
    return this.#leader === this.id ? undefined : this.#leader;
  }
}

/** One term of leadership: the core and its connections, dropped whole when it ends. */
export class SimTerm {
  state: MasterState | undefined;
  serving = false;
  #loop: NodeLoop<Command> | undefined;
  #effects: Effect[] = [];
  #over = false;
  #connections = 0;
  readonly #random: Random;
  readonly #streams = new Map<
    string,
    { end: End<SubscribeSaid, SubscribeTold>; dialect: Dialect; told: boolean }
  >();
  readonly #sessions = new Map<string, End<AgentSaid, AgentTold>>();
  readonly #calls = new Map<number, (answer: CallAnswered) => void>();
  readonly #readers;
  #allocator: End<AllocatorTold, AllocatorSaid> | undefined;
  #allocatorAt = 0;

  constructor(
    readonly node: MasterNode,
    readonly number: number,
    readonly masterId: string,
  ) {
    this.#random = node.deps.random.fork(`${masterId}/${number}`);
    this.#readers = schedulerReaders(() => this.#random.uuid());
    this.#recover();
  }

  get queued(): number {
    return this.#loop?.queued ?? 0;
  }

  /** Ends the term: whoever was connected is told. */
  end(leader: string | undefined): void {
    for (const { end } of this.#streams.values()) {
      end.send({ kind: 'notLeader', leader });
      end.close();
    }
    for (const end of this.#sessions.values()) {
      end.send({ kind: 'notLeader', leader });
      end.close();
    }
    for (const answer of this.#calls.values()) answer({ kind: 'notLeader', leader });
    this.#allocator?.close();
    this.drop();
  }

  /** The process died: nothing is told. */
  drop(): void {
    this.#over = true;
    this.serving = false;
    this.#loop?.stop();
  }

  agent(end: End<AgentSaid, AgentTold>): void {
    const session = `${this.masterId}s${this.#connections++}`;
    this.#sessions.set(session, end);
    let agentId = '';
    let introduced = false;
    end.onMessage = ({ term, messages }) => {
      if (this.#over) return;
      if (term > this.number) return this.node.resign('an agent obeys a higher term');
      for (const { message } of messages) {
        const registered = message?.$case === 'register';
        agentId = agentId === '' ? this.#agentOf(session) : agentId;
        introduced ||= registered;
        if (!introduced) throw new Error('an agent speaks before it has registered');
        // It was given up meanwhile.
        if (!registered && agentId === '') return end.close();
        const command = registered
          ? registrationOf(message.value, session)
          : agentCommandOf(message, session, agentId as never);
        if (command === undefined) continue;
        if (isFailure(command)) throw new Error(`a master cannot read an agent: ${command.message}`);
        if (command.kind === 'agentRegister') agentId = command.agentId ?? '';
        this.submit(command);
      }
    };
    end.onEnd = () => {
      this.#sessions.delete(session);
      const id = agentId === '' ? this.#agentOf(session) : agentId;
      if (id !== '') this.submit({ kind: 'agentSessionEnded', session, agentId: id as never });
    };
  }

  subscribe(end: End<SubscribeSaid, SubscribeTold>): void {
    const stream = `${this.masterId}f${this.#connections++}`;
    end.onMessage = ({ subscribe }) => {
      if (this.#over || subscribe?.frameworkInfo === undefined) {
        end.send({ kind: 'notLeader', leader: undefined });
        return end.close();
      }
      const framework = descriptionOf(subscribe.frameworkInfo);
      this.#streams.set(stream, { end, dialect: dialectOf(framework.capabilities), told: false });
      this.submit({ kind: 'subscribe', stream, framework, suppressedRoles: subscribe.suppressedRoles });
    };
    end.onEnd = () => {
      this.#streams.delete(stream);
      this.submit({ kind: 'streamEnded', stream });
    };
  }

  call({ name, request }: CallAsked, answer: (answer: CallAnswered) => void): void {
    const call = this.#connections++;
    try {
      const body = (this.#readers[name] as (asked: unknown) => object)(request);
      this.#calls.set(call, answer);
      const frameworkId = frameworkOf(request.frameworkId);
      this.submit({ ...body, call, frameworkId, stream: request.streamId } as Command);
    } catch (error) {
      if (!isFailureError(error)) throw error;
      answer({ kind: 'failed', failure: error.failure });
    }
  }

  submit(command: Command): void {
    if (!this.#over) this.#loop?.push(command);
  }

  #recover(): void {
    this.#ask({ kind: 'snapshot' }, (answer) => {
      if (answer.kind !== 'snapshot') return this.node.resign('recovery failed');
      const { agenda, options } = this.node.deps;
      const identity = { masterId: this.masterId, cluster: 'sim', term: this.number };
      const { state, effects } = recover(identity, options, recoveredOf(answer.records), agenda.now);
      this.state = state;
      this.#effects = [...effects];
      this.serving = true;
      this.#loop = new NodeLoop<Command>(
        agenda,
        this.#random,
        () => agenda.now,
        {
          turn: (commands, now) => this.#turn(state, commands, now),
          commit: (done) => this.#commit(done),
          release: () => this.#release(),
          nextDeadline: () => nextDeadline(state),
        },
        2,
      );
      this.#loop.start();
      this.#connectAllocator();
    });
  }

  #turn(state: MasterState, commands: readonly Command[], now: Instant): void {
    for (const command of commands) this.#step(state, command, now);
    const due = nextDeadline(state);
    if (due !== undefined && due <= now) this.#step(state, { kind: 'tick' }, now);
  }

  #step(state: MasterState, command: Command, now: Instant): void {
    const effects = step(state, command, now);
    for (const effect of effects) this.#effects.push(effect);
    this.node.deps.observer.masterStepped(this.node, state, command, effects);
  }

  #commit(done: () => void): void {
    const operations = this.#effects.flatMap((effect) =>
      effect.kind === 'commit' ? [effect.operation] : [],
    );
    if (operations.length === 0) return done();
    this.#ask({ kind: 'commit', term: this.number, operations }, (answer) => {
      if (answer.kind === 'committed') done();
      else this.node.resign(`a commit failed: ${answer.kind}`);
    });
  }

  #release(): void {
    const effects = this.#effects;
    this.#effects = [];
    const events = new Map<string, scheduler.Event[]>();
    const orders = new Map<string, internal.MasterMessage[]>();
    const changes: AllocatorSaid['items'][number][] = [];
    const endings: (() => void)[] = [];
    for (const effect of effects) {
      switch (effect.kind) {
        case 'event': {
          const stream = this.#streams.get(effect.stream);
          if (stream === undefined) break;
          const event = eventToProto(effect.event, {
            masterInfo: {} as never,
            heartbeatIntervalSeconds: this.node.deps.options.heartbeatIntervalMs / 1000,
            dialect: stream.dialect ?? fullDialect,
          });
          push(events, effect.stream, event);
          break;
        }
        case 'toAgent':
          push(orders, effect.session, overTheWire(effect.message));
          break;
        case 'launch':
          push(orders, effect.session, launchOrder(effect, ''));
          break;
        case 'launchGroup':
          push(
            orders,
            effect.session,
            launchGroupOrder(
              effect,
              effect.tasks.map(() => ''),
            ),
          );
          break;
        case 'allocation':
          changes.push({
            version: effect.version,
            snapshot: effect.snapshot,
            change: effect.change.kind === 'snapshotEnd' ? undefined : changeToProto(effect.change),
          });
          break;
        case 'endStream':
          endings.push(() => {
            this.#streams.get(effect.stream)?.end.close();
            this.#streams.delete(effect.stream);
          });
          break;
        case 'endSession':
          endings.push(() => {
            const end = this.#sessions.get(effect.session);
            this.#sessions.delete(effect.session);
            end?.close();
            const id = this.#agentOf(effect.session);
            if (id !== '')
              this.submit({ kind: 'agentSessionEnded', session: effect.session, agentId: id as never });
          });
          break;
        case 'reply': {
          const answer = this.#calls.get(effect.call);
          this.#calls.delete(effect.call);
          answer?.(isFailure(effect.result) ? { kind: 'failed', failure: effect.result } : { kind: 'done' });
          break;
        }
        default:
          break;
      }
    }
    for (const [id, batch] of events) {
      const stream = this.#streams.get(id);
      stream?.end.send({ kind: 'events', streamId: id, events: batch });
    }
    for (const [id, messages] of orders)
      this.#sessions.get(id)?.send({ kind: 'orders', term: this.number, messages });
    if (changes.length > 0) this.#allocator?.send({ term: this.number, items: changes });
    for (const end of endings) end();
  }

  /** Asks one registry instance after the other, for as long as the term may hold. */
  #ask(asked: RegistryAsked, answer: (answered: RegistryAnswered) => void): void {
    const { agenda, network, registries } = this.node.deps;
    const registry = this.#random.pick(registries);
    const end = network.connect<RegistryAnswered, RegistryAsked>(this.node.id, registry, 'registry');
    let answered = false;
    const settle = (answer: RegistryAnswered): void => {
      if (answered) return;
      answered = true;
      end.close();
      if (this.#over) return;
      if (answer.kind !== 'unavailable') return done(answer);
      if (!this.node.leadsTerm(this.number)) return done({ kind: 'fenced' });
      agenda.after(this.#random.int(10, 100), () => {
        if (!this.#over) this.#ask(asked, done);
      });
    };
    const done = answer;
    end.onMessage = settle;
    end.onEnd = () => settle({ kind: 'unavailable' });
    end.send(asked);
    agenda.after(5000, () => settle({ kind: 'unavailable' }));
  }

  #connectAllocator(): void {
    if (this.#over) return;
    const { agenda, network, allocators } = this.node.deps;
    const allocator = allocators[this.#allocatorAt++ % allocators.length] as NodeId;
    const end = network.connect<AllocatorTold, AllocatorSaid>(this.node.id, allocator, 'allocate');
    const again = (): void => {
      if (this.#allocator !== end) return;
      this.#allocator = undefined;
      agenda.after(this.#random.int(20, 1000), () => this.#connectAllocator());
    };
    this.#allocator = end;
    end.onMessage = (told) => {
      if (this.#allocator !== end || this.#over) return;
      if (told.kind === 'welcome') this.submit({ kind: 'allocatorConnected' });
      else if (told.kind === 'inverseProposals')
        this.submit({ kind: 'inverseProposals', proposals: told.proposals });
      else this.submit({ kind: 'proposals', version: told.version, proposals: told.proposals });
    };
    end.onEnd = again;
  }

  #agentOf(session: string): string {
    return (this.state && agentOfSession(this.state, session)?.id) ?? '';
  }
}

/** Orders that hold bytes are written and read as on a real stream; for the others that would make no difference. */
function overTheWire(message: internal.MasterMessage): internal.MasterMessage {
  switch (message.message?.$case) {
    case 'acknowledgeUpdate':
    case 'applyOperation':
    case 'acknowledgeOperation':
    case 'reconcileOperations':
      return internal.MasterMessage.decode(internal.MasterMessage.encode(message).finish());
    default:
      return message;
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
