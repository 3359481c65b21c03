import { isFailure, Resources } from '@meseta/model';
import type { Agenda } from './agenda';
import type { AgentNode } from './agent-node';
import type { AllocatorNode } from './allocator-node';
import { Chronicle } from './chronicle';
import { ClusterNodes } from './cluster-nodes';
import { drawFaults, type Fault, type FaultKind } from './faults';
import { FrameworkNode } from './framework-node';
import type { MasterNode } from './master-node';
import type { Network, NodeId } from './network';
import { Operator } from './operator';
import { Oracle } from './oracle';
import { Random } from './random';
import type { RegistryNode } from './registry-node';
import { drawSettings, type FrameworkSettings, type Settings } from './settings';
import { leftovers } from './settled';

/** What a run is told again by: the seed draws the rest. */
export interface RunPlan {
  readonly seed: number;
  /** Unset: drawn from the seed. */
  readonly faults?: readonly Fault[];
  /** Unset: drawn from the seed. */
  readonly settings?: Settings;
  /** How many lines of what happened are kept; none if unset. */
  readonly linesMax?: number;
}

export interface RunReport {
  readonly seed: number;
  /** Unset when every promise was kept. */
  readonly broken: string | undefined;
  readonly virtualMs: number;
  readonly events: number;
  readonly checks: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** How many tasks were launched, and how many of them were started. */
  readonly launched: number;
  readonly started: number;
}

/** How long everything may take to settle when nothing goes wrong any more. Longer than the longest retry (10 min) and re-registration. */
const settleMs = 30 * 60_000;
const looksEveryMs = 5000;

/**
 * A whole cluster in one process on a virtual clock: the real cores of masters, agents and allocator, the registry's plans on a model of etcd,
 * frameworks good and bad, and faults. The same plan gives the same history.
 */
export class Simulation {
  readonly nodes: ClusterNodes;
  readonly chronicle: Chronicle;
  readonly oracle: Oracle;
  readonly frameworks: FrameworkNode[] = [];
  readonly settings: Settings;
  readonly faults: readonly Fault[];
  readonly operator: Operator;
  readonly injected = new Map<FaultKind, number>();
  readonly #startMs: number;
  #chaos = true;
  readonly #random: Random;

  constructor(readonly plan: RunPlan) {
    const random = new Random(plan.seed);
    this.#random = random.fork('faults at work');
    this.chronicle = new Chronicle(() => this.agenda.now, plan.linesMax ?? 0);
    this.oracle = new Oracle(this.chronicle);
    const settings = plan.settings ?? drawSettings(random.fork('settings'));
    this.settings = settings;
    const agents = Array.from({ length: settings.agents }, () =>
      resources(`cpus:${settings.cpus};mem:4096;disk:1000`),
    );
    this.nodes = new ClusterNodes({ ...settings, agents }, random, () => this.oracle);
    this.#startMs = this.agenda.now;
    this.operator = new Operator(this.agenda, this.agents, () => this.leader);
    settings.frameworks.forEach((framework, i) => {
      this.frameworks.push(this.#framework(`framework${i + 1}`, `role${i % 2}`, framework, random));
    });
    this.faults =
      plan.faults ??
      drawFaults(
        random.fork('faults'),
        {
          masters: ids(this.masters),
          registries: ids(this.registries),
          allocators: ids(this.allocators),
          agents: ids(this.agents),
          frameworks: ids(this.frameworks),
        },
        this.settings.chaosMs,
      );
    for (const node of [
      ...this.registries,
      ...this.allocators,
      ...this.masters,
      ...this.agents,
      ...this.frameworks,
    ])
      this.agenda.after(random.int(0, 500), () => node.start());
    for (const fault of this.faults)
      this.agenda.after(fault.atMs, () => {
        if (this.#chaos) this.#inject(fault);
      });
  }

  /** Runs to the end: the faults, then the calm after them. */
  run(): RunReport {
    let broken: string | undefined;
    try {
      this.agenda.runUntil(this.#startMs + this.settings.chaosMs);
      this.#calmDown();
      broken = this.#settle();
    } catch (error) {
      broken = error instanceof Error ? error.message : String(error);
      if (process.env['SIMULATE_STACKS'] === '1') console.error(error);
    }
    return {
      seed: this.plan.seed,
      broken,
      virtualMs: this.agenda.now - this.#startMs,
      events: this.agenda.happened,
      checks: this.oracle.checks,
      faults: this.injected,
      launched: sum(this.frameworks.map(({ tasks }) => tasks.size)),
      started: sum(this.agents.map(({ containers }) => containers.starts)),
    };
  }

  get leader(): MasterNode | undefined {
    return this.nodes.leader;
  }

  get agenda(): Agenda {
    return this.nodes.agenda;
  }

  get network(): Network {
    return this.nodes.network;
  }

  get masters(): readonly MasterNode[] {
    return this.nodes.masters;
  }

  get registries(): readonly RegistryNode[] {
    return this.nodes.registries;
  }

  get allocators(): readonly AllocatorNode[] {
    return this.nodes.allocators;
  }

  get agents(): readonly AgentNode[] {
    return this.nodes.agents;
  }

  #framework(id: NodeId, role: string, framework: FrameworkSettings, random: Random): FrameworkNode {
    return new FrameworkNode(id, {
      agenda: this.nodes.timeOf(id),
      network: this.network,
      random: random.fork(id),
      masters: ids(this.masters),
      observer: this.oracle,
      role,
      ...framework,
    });
  }

  #inject(fault: Fault): void {
    const { kind, who, forMs } = fault;
    this.chronicle.add('fault', `${kind} ${who.join(' ')} for ${forMs} ms`);
    this.injected.set(kind, (this.injected.get(kind) ?? 0) + 1);
    const later = (undo: () => void): void => void this.agenda.after(forMs, undo);
    const [first = '', second = ''] = who;
    switch (kind) {
      case 'killMaster':
      case 'killRegistry':
      case 'killAllocator':
      case 'killAgent':
      case 'killFramework':
      case 'loseMaster':
        return this.#crash(first, kind === 'loseMaster', forMs);
      case 'rebootMachine': {
        const agent = this.agents.find(({ id }) => id === first);
        agent?.reboot();
        return later(() => agent?.start());
      }
      case 'pauseMaster':
      case 'pauseAgent':
        return this.nodes.timeOf(first).pause(forMs);
      case 'failOverFramework':
        return this.frameworks.find(({ id }) => id === first)?.failOver();
      case 'tearDownFramework':
        return this.frameworks.find(({ id }) => id === first)?.teardown();
      case 'partition':
        this.network.cut(first, second);
        this.network.cut(second, first);
        return later(() => {
          this.network.mend(first, second);
          this.network.mend(second, first);
        });
      case 'oneWay':
        this.network.cut(first, second);
        return later(() => this.network.mend(first, second));
      case 'isolate':
        this.#isolate(first, (from, to) => this.network.cut(from, to));
        return later(() => this.#isolate(first, (from, to) => this.network.mend(from, to)));
      case 'splitBrain':
        this.#cutFromRegistries(first, (from, to) => this.network.cut(from, to));
        for (let afterMs = 0; afterMs < forMs; afterMs += 1000)
          this.agenda.after(afterMs, () =>
            this.network.reset(this.#random, this.#random.pick(ids(this.agents))),
          );
        return later(() => this.#cutFromRegistries(first, (from, to) => this.network.mend(from, to)));
      case 'reset':
        this.network.reset(this.#random);
        return;
      case 'slowDisks':
        this.nodes.diskMaxMs = 5000;
        return later(() => (this.nodes.diskMaxMs = 20));
      case 'slowNetwork':
        this.network.options = { ...this.network.options, delayMaxMs: 2000 };
        return later(() => (this.network.options = { ...this.network.options, delayMaxMs: 30 }));
      case 'etcdLeader':
        return this.nodes.etcd.changeLeader(forMs);
      case 'deactivateAgent':
      case 'drainAgent':
      case 'markAgentGone':
      case 'maintainMachine': {
        const agent = this.agents.find(({ id }) => id === first);
        return agent && this.#operate(kind, agent, forMs);
      }
      case 'failingStarts':
        this.nodes.startFailure = 0.5;
        return later(() => (this.nodes.startFailure = 0));
    }
  }

  #operate(
    kind: 'deactivateAgent' | 'drainAgent' | 'markAgentGone' | 'maintainMachine',
    agent: AgentNode,
    forMs: number,
  ): void {
    const { operator, agenda } = this;
    switch (kind) {
      case 'deactivateAgent':
        operator.deactivate(agent);
        return void agenda.after(forMs, () => operator.activate(agent));
      case 'drainAgent':
        operator.drain(agent, this.#random.pick([0, 1000, 60_000]), this.#random.chance(0.3));
        return void agenda.after(forMs, () => {
          operator.activate(agent);
          operator.putBack(agent);
        });
      case 'markAgentGone':
        operator.markGone(agent);
        return void agenda.after(forMs, () => operator.putBack(agent));
      case 'maintainMachine':
        operator.plan(agent, Math.floor(forMs / 2));
        agenda.after(Math.floor(forMs / 2), () => operator.takeDown(agent));
        return void agenda.after(forMs, () => operator.bringUp(agent));
    }
  }

  #crash(id: NodeId, silent: boolean, forMs: number): void {
    const node = this.#everyone().find((one) => one.id === id);
    if (node === undefined || !node.up) return;
    node.crash(silent);
    this.agenda.after(forMs, () => {
      if (!node.up) node.start();
    });
  }

  #cutFromRegistries(id: NodeId, act: (from: NodeId, to: NodeId) => void): void {
    for (const registry of this.registries) {
      act(id, registry.id);
      act(registry.id, id);
    }
  }

  #isolate(id: NodeId, act: (from: NodeId, to: NodeId) => void): void {
    for (const other of this.#everyone()) {
      if (other.id === id) continue;
      act(id, other.id);
      act(other.id, id);
    }
  }

  /** Nothing goes wrong from here on, and frameworks ask for nothing more. */
  #calmDown(): void {
    this.#chaos = false;
    this.chronicle.add('calm', 'from here on nothing goes wrong');
    for (const node of this.#everyone()) this.#isolate(node.id, (from, to) => this.network.mend(from, to));
    for (const time of this.nodes.times) time.resume();
    this.network.options = { ...this.network.options, delayMaxMs: 30 };
    this.nodes.diskMaxMs = 20;
    this.nodes.startFailure = 0;
    for (const framework of this.frameworks) framework.calmDown();
    for (const node of this.#everyone()) if (!node.up) node.start();
  }

  /** Waits until all is as it should be; what is left when patience ends is what was broken. */
  #settle(): string | undefined {
    const until = this.agenda.now + settleMs;
    let left: readonly string[] = [];
    while (this.agenda.now < until) {
      this.operator.putAllBack();
      this.agenda.runUntil(this.agenda.now + looksEveryMs);
      left = leftovers(this);
      if (left.length === 0) return undefined;
    }
    return `not settled after ${settleMs / 60_000} virtual minutes: ${left.join('; ')}`;
  }

  #everyone() {
    return [...this.masters, ...this.registries, ...this.allocators, ...this.agents, ...this.frameworks];
  }
}

function ids(nodes: readonly { readonly id: NodeId }[]): NodeId[] {
  return nodes.map(({ id }) => id);
}

function resources(text: string): Resources {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return parsed;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
