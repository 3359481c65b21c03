import { instant, type ContainerId, type FrameworkId, type Instant, type Resources } from '@meseta/model';
import {
  Checkpoint,
  createAgentMetrics,
  type AgentMetrics,
  createWorld,
  emptyState,
  isWrite,
  nextDeadline,
  ordersOf,
  step,
  type Act,
  type AgentState,
  type Command,
  type Effect,
  type OwnerKey,
  type Recovered,
  type WorldParts,
} from '@meseta/agent/core';
import { noTracing } from '@meseta/kit';
import { resourcesFromProto, resourcesToProto, type internal, type TaskInfo } from '@meseta/protocol';
import { isFailure } from '@meseta/model';
import type { Cancel, Time } from './agenda';
import { AgentDisk } from './agent-disk';
import { MachineContainers, programOf, type SimContainer } from './containers';
import type { AgentSaid, AgentTold } from './master-node';
import type { End, Network, NodeId } from './network';
import { NodeLoop } from './node-loop';
import type { Random } from './random';

/** Watches every step of every agent. */
export interface AgentObserver {
  agentStepped(node: AgentNode, state: AgentState, command: Command, effects: readonly Effect[]): void;
  /** All that was stepped so far is durable. */
  agentCommitted(node: AgentNode, state: AgentState): void;
  /** From here on the node is another machine, that knows nothing. */
  machineReplaced(node: AgentNode): void;
  containerStarted(node: AgentNode, container: SimContainer): void;
}

export interface AgentNodeDeps {
  readonly agenda: Time;
  readonly network: Network;
  readonly random: Random;
  readonly masters: readonly NodeId[];
  readonly total: Resources;
  readonly observer: AgentObserver;
  /** How long a commit to the disk takes, at most. Milliseconds. */
  readonly diskMaxMs: () => number;
  /** How far the machine's clock is from the others'. Milliseconds. */
  readonly skewMs: number;
  /** How much faster its clock goes: 0.01 is one second in a hundred. */
  readonly drift: number;
  readonly startFailure: () => number;
}

/** Where each agent is found: a pause between two tries. */
const retryMaxMs = 2000;
const answerMaxMs = 10_000;
const silentLog = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };
const runtimes = new Map([['process', { keepsLimits: true }]]);

/** One machine with its agent: the real core over a disk, containers and a clock of its own. */
export class AgentNode {
  readonly disk = new AgentDisk();
  readonly containers: MachineContainers;
  readonly metrics: AgentMetrics = createAgentMetrics();
  process: AgentProcess | undefined;
  boots = 1;
  /** The machine is switched off, and does nothing until it is switched on. */
  off = false;
  /** Why a master refused this agent, whose process has ended since. */
  refused: string | undefined;

  constructor(
    readonly id: NodeId,
    readonly deps: AgentNodeDeps,
  ) {
    const { agenda, random, observer, startFailure } = deps;
    this.containers = new MachineContainers(
      agenda,
      random.fork('containers'),
      (container) => observer.containerStarted(this, container),
      startFailure,
    );
  }

  get up(): boolean {
    return this.process !== undefined;
  }

  get state(): AgentState | undefined {
    return this.process?.state;
  }

  /** The machine's own clock. */
  readonly clock = (): Instant => {
    const { agenda, skewMs, drift } = this.deps;
    return instant(Math.round(agenda.now * (1 + drift) + skewMs));
  };

  start(): void {
    if (this.off || this.up || this.refused !== undefined) return;
    this.process = new AgentProcess(this);
  }

  crash(silent: boolean): void {
    this.process?.die();
    this.process = undefined;
    this.disk.crash(this.deps.random);
    this.deps.network.down(this.id, silent);
  }

  /** The master refused this agent: its process ends, and nobody starts it until an operator does. */
  stop(why: string): void {
    this.refused = why;
    this.crash(false);
  }

  /** Another machine stands in its place, with an empty disk. */
  replace(): void {
    this.reboot();
    this.disk.wipe();
    this.deps.observer.machineReplaced(this);
  }

  /** The machine goes down, and with it every container. */
  reboot(): void {
    this.crash(true);
    this.containers.reboot();
    this.boots += 1;
  }
}

/** One life of an agent's process. */
class AgentProcess {
  readonly state: AgentState;
  readonly #checkpoint: Checkpoint;
  readonly #loop: NodeLoop<Command>;
  readonly #session: Session;
  readonly #random: Random;
  readonly #perform: (act: Act) => void;
  #acts: Act[] = [];
  #over = false;

  constructor(private readonly node: AgentNode) {
    const { agenda, random, total } = node.deps;
    this.#random = random.fork(`${node.id}/${node.boots}/${agenda.now}`);
    this.#checkpoint = Checkpoint.over(node.disk, emptyState('sim'), `boot-${node.boots}`);
    this.state = this.#checkpoint.state;
    this.#loop = new NodeLoop<Command>(
      agenda,
      this.#random,
      node.clock,
      {
        turn: (commands, now) => this.#turn(commands, now),
        commit: (done) => this.#commit(done),
        release: () => this.#release(),
        nextDeadline: () => nextDeadline(this.state),
      },
      2,
    );
    this.#session = new Session(node, this.#random, () => this.state.term, {
      opened: (sessionId) => this.#loop.push({ kind: 'sessionOpened', sessionId }),
      closed: (sessionId) => this.#loop.push({ kind: 'sessionClosed', sessionId }),
      said: (sessionId, term, messages) => {
        const { orders } = ordersOf(messages, { newId: () => this.#random.uuid(), runtimes });
        this.#loop.push({ kind: 'masterSaid', sessionId, term, orders });
      },
    });
    node.containers.listener = {
      started: ({ key, id }) =>
        this.#loop.push({ kind: 'containerStarted', key, containerId: id, runtime: 'process', facts: {} }),
      failed: ({ key, id }, message) =>
        this.#loop.push({
          kind: 'startFailed',
          key,
          containerId: id,
          message,
          reason: 'CONTAINER_LAUNCH_FAILED',
        }),
      ended: ({ key, id }, exit) => this.#loop.push({ kind: 'containerEnded', key, containerId: id, exit }),
    };
    const world = createWorld(this.#parts());
    this.#perform = (act) => world.perform(act);
    this.#loop.push({ kind: 'configured', resources: total });
    this.#loop.push({ kind: 'recovered', outcomes: this.#found() });
    this.#loop.start();
    // The agent looks for the master when it has taken its tasks up.
    agenda.after(5, () => {
      if (!this.#over) this.#session.open();
    });
  }

  get queued(): number {
    return this.#loop.queued;
  }

  die(): void {
    this.#over = true;
    this.#loop.stop();
    this.#session.die();
    if (this.node.containers.listener !== undefined) this.node.containers.listener = undefined;
  }

  /** Asks the containers that the checkpoint tells of what became of them. */
  #found(): Recovered[] {
    const found: Recovered[] = [];
    this.node.containers.endUnknown(
      new Set([...this.state.tasks.values()].map(({ containerId }) => containerId)),
    );
    for (const { key, containerId, runtime, phase } of this.state.tasks.values()) {
      if (runtime === '') continue;
      const answer = this.node.containers.find(containerId);
      // One that ran and is not there any more went with the machine.
      const gone = answer.kind === 'neverStarted' && (phase !== 'starting' || this.#checkpoint.rebooted);
      found.push({
        key,
        containerId,
        found: gone
          ? { kind: 'ended', exit: { kind: 'lost', message: 'the machine was restarted' } }
          : answer,
      });
    }
    return found;
  }

  #turn(commands: readonly Command[], now: Instant): void {
    for (const command of commands) this.#step(command, now);
    const due = nextDeadline(this.state);
    if (due !== undefined && due <= now) this.#step({ kind: 'tick' }, now);
  }

  #step(command: Command, now: Instant): void {
    const effects = step(this.state, command, now);
    this.node.deps.observer.agentStepped(this.node, this.state, command, effects);
    for (const effect of effects) {
      if (isWrite(effect)) this.#checkpoint.write(effect);
      else this.#acts.push(effect);
    }
  }

  #commit(done: () => void): void {
    const { agenda, diskMaxMs } = this.node.deps;
    agenda.after(this.#random.skewed(0, diskMaxMs()), () => {
      if (this.#over) return;
      this.node.disk.commit();
      this.node.deps.observer.agentCommitted(this.node, this.state);
      done();
    });
  }

  #release(): void {
    const acts = this.#acts;
    this.#acts = [];
    for (const act of acts) {
      if (this.#over) return;
      if (act.kind === 'changeVolumes') this.#loop.push({ kind: 'volumesChanged', uuid: act.uuid });
      else this.#perform(act);
    }
    this.#session.flush();
  }

  /** The parts of a real agent's world that are simulated. */
  #parts(): WorldParts {
    const { node } = this;
    const { containers } = node;
    const parts = {
      checkpoint: this.#checkpoint,
      containers: {
        start: (key: OwnerKey) => this.#start(key),
        startExecutor: () => undefined,
        resize: () => undefined,
        linkToExecutor: () => undefined,
        cancelStart: (key: OwnerKey, containerId: ContainerId) => {
          const container = containers.containers.get(containerId);
          if (container !== undefined && container.phase !== 'starting') return;
          if (container !== undefined) {
            container.phase = 'ended';
            containers.release(containerId);
          }
          this.#loop.push({ kind: 'startCancelled', key, containerId });
        },
        terminate: (_runtime: string, id: ContainerId) => containers.terminate(id),
        destroy: (_runtime: string, id: ContainerId) => containers.destroy(id),
        release: (_runtime: string, id: ContainerId) => containers.release(id),
      },
      session: this.#session,
      probes: {
        ask: (key: OwnerKey, which: 'check' | 'health', attempt: number) =>
          node.deps.agenda.after(this.#random.skewed(1, 1000), () => {
            if (!this.#over) this.#loop.push(this.#probed(key, which, attempt));
          }),
      },
      executorStreams: { close: () => undefined, send: () => undefined },
      push: (command: Command) => this.#loop.push(command),
      workDir: '/sim',
      identity: {
        info: { hostname: node.id, port: 1, resources: resourcesToProto(node.deps.total), attributes: [] },
        version: 'sim',
        grpcAddress: `${node.id}:1`,
        httpAddress: `${node.id}:2`,
      },
      statusContext: () => ({ agentId: this.state.agentId, agentIp: node.id }),
      completed: { add: () => undefined },
      metrics: node.metrics,
      tracing: noTracing,
      log: silentLog,
      fatal: (_kind: string, message: string) => {
        if (!message.includes('refused this agent')) throw new Error(`agent ${node.id} stops: ${message}`);
        node.stop(message);
      },
    };
    return parts as unknown as WorldParts;
  }

  #start(key: OwnerKey): void {
    const task = this.state.tasks.get(key);
    if (task === undefined) return;
    this.node.containers.start(task.containerId, key, cpusOf(task.info), programOf(task.info.command?.value));
  }

  #probed(key: OwnerKey, which: 'check' | 'health', attempt: number): Command {
    const task = this.state.tasks.get(key);
    const sick = task?.info.command?.environment?.variables.some(({ name }) => name === 'SICK') === true;
    const exitCode = sick && this.#random.chance(0.7) ? 1 : 0;
    return {
      kind: 'probed',
      key,
      which,
      attempt,
      result: { kind: 'answered', answer: { type: 'COMMAND', exitCode } },
    };
  }
}

function cpusOf(info: TaskInfo): number {
  const resources = resourcesFromProto(info.resources);
  return isFailure(resources) ? 0 : resources.scalarMilli('cpus');
}

/** The stream to the leading master, found again whenever it ends or falls silent. */
class Session {
  #id = 0;
  #end: End<AgentTold, AgentSaid> | undefined;
  #batch: internal.AgentMessage[] = [];
  #introduced = false;
  #masterAt: number;
  #hint: NodeId | undefined;
  #silenceMaxMs = answerMaxMs;
  #heardMs = 0;
  #over = false;
  #cancel: Cancel | undefined;

  constructor(
    private readonly node: AgentNode,
    private readonly random: Random,
    private readonly term: () => number,
    private readonly listener: {
      opened(id: number): void;
      closed(id: number): void;
      said(id: number, term: number, messages: readonly internal.MasterMessage[]): void;
    },
  ) {
    this.#masterAt = random.int(0, 100);
  }

  open(): void {
    const { network, masters, agenda } = this.node.deps;
    const id = ++this.#id;
    const master = this.#hint ?? masters[this.#masterAt++ % masters.length] ?? '';
    this.#hint = undefined;
    const end = network.connect<AgentTold, AgentSaid>(this.node.id, master, 'agent');
    this.#end = end;
    this.#introduced = false;
    this.#silenceMaxMs = answerMaxMs;
    this.#heardMs = agenda.now;
    end.onMessage = (told) => {
      if (id !== this.#id) return;
      this.#heardMs = agenda.now;
      if (told.kind === 'notLeader') {
        this.#hint = told.leader;
        return this.#fail(id);
      }
      this.listener.said(id, told.term, told.messages);
    };
    end.onEnd = () => this.#fail(id);
    this.#watchSilence(id);
    this.listener.opened(id);
  }

  introduce(id: number, message: () => internal.AgentMessage): void {
    if (id !== this.#id || this.#introduced) return;
    this.#introduced = true;
    this.#batch.push(message());
  }

  send(message: internal.AgentMessage): void {
    if (this.#introduced) this.#batch.push(message);
  }

  flush(): void {
    const messages = this.#batch;
    if (messages.length === 0) return;
    this.#batch = [];
    this.#end?.send({ term: this.term(), messages });
  }

  accepted(id: number, silenceMaxMs: number): void {
    if (id === this.#id) this.#silenceMaxMs = silenceMaxMs;
  }

  reopen(id: number): void {
    this.#fail(id);
  }

  die(): void {
    this.#over = true;
    this.#cancel?.();
  }

  #watchSilence(id: number): void {
    const { agenda } = this.node.deps;
    const waitMs = Math.max(100, this.#heardMs + this.#silenceMaxMs - agenda.now);
    this.#cancel = agenda.after(waitMs, () => {
      if (id !== this.#id || this.#over) return;
      if (agenda.now - this.#heardMs >= this.#silenceMaxMs) this.#fail(id);
      else this.#watchSilence(id);
    });
  }

  #fail(id: number): void {
    if (id !== this.#id || this.#end === undefined || this.#over) return;
    this.#end.close();
    this.#end = undefined;
    this.#batch = [];
    this.listener.closed(id);
    const waitMs = this.#hint === undefined ? this.random.skewed(20, retryMaxMs) : this.random.skewed(5, 100);
    this.#cancel?.();
    this.#cancel = this.node.deps.agenda.after(waitMs, () => {
      if (!this.#over && this.#end === undefined) this.open();
    });
  }
}

/** A task's name across the cluster. */
export function nameOf(frameworkId: FrameworkId | string, taskId: string): string {
  return `${frameworkId}/${taskId}`;
}
