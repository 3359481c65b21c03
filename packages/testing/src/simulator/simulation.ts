import { isFailure, Resources } from '@meseta/model';
import { Agenda, PausableTime } from './agenda';
import { AgentNode } from './agent-node';
import { AllocatorNode } from './allocator-node';
import { Chronicle } from './chronicle';
import { EtcdModel } from './etcd-model';
import { drawFaults, type Fault, type FaultKind } from './faults';
import { FrameworkNode } from './framework-node';
import { MasterNode } from './master-node';
import { Network, type NodeId } from './network';
import { Oracle } from './oracle';
import { Random } from './random';
import { RegistryNode } from './registry-node';
import { drawSettings, type Settings } from './settings';
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
  readonly agenda = new Agenda();
  readonly network: Network;
  readonly chronicle: Chronicle;
  readonly oracle: Oracle;
  readonly etcd: EtcdModel;
  readonly masters: MasterNode[] = [];
  readonly registries: RegistryNode[] = [];
  readonly allocators: AllocatorNode[] = [];
  readonly agents: AgentNode[] = [];
  readonly frameworks: FrameworkNode[] = [];
  readonly settings: Settings;
  readonly faults: readonly Fault[];
  readonly injected = new Map<FaultKind, number>();
  readonly #times = new Map<NodeId, PausableTime>();
  readonly #startMs: number;
  #diskMaxMs = 20;
  #startFailure = 0;
  #chaos = true;
  readonly #random: Random;

  constructor(readonly plan: RunPlan) {
    const random = new Random(plan.seed);
    this.#random = random.fork('faults at work');
    this.chronicle = new Chronicle(() => this.agenda.now, plan.linesMax ?? 0);
    this.oracle = new Oracle(this.chronicle);
    this.settings = plan.settings ?? drawSettings(random.fork('settings'));
    this.#startMs = this.agenda.now;
    this.network = new Network(this.agenda, random.fork('network'), {
      delayMinMs: 0.2,
      delayMaxMs: 30,
      keepAliveMs: 20_000,
      connectTimeoutMs: 5000,
    });
    this.etcd = new EtcdModel(this.agenda, random.fork('etcd'), {
      leaseTtlMs: this.settings.leaseTtlMs,
      writeMinMs: 1,
      writeMaxMs: 50,
    });
    this.#build(random);
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
    return this.masters.find((master) => master.leads && master.leadsTerm(master.term?.number ?? -1));
  }

  #build(random: Random): void {
    const { settings, network, etcd, oracle } = this;
    const names = (kind: string, count: number) => Array.from({ length: count }, (_, i) => `${kind}${i + 1}`);
    const masterIds = names('master', settings.masters);
    const registryIds = names('registry', settings.registries);
    const allocatorIds = ['allocator1'];
    for (const id of registryIds)
      this.registries.push(
        new RegistryNode(id, { agenda: this.#time(id), network, etcd, leaseTtlMs: settings.leaseTtlMs }),
      );
    for (const id of allocatorIds)
      this.allocators.push(
        new AllocatorNode(id, {
          agenda: this.#time(id),
          network,
          random: random.fork(id),
        }),
      );
    for (const id of masterIds)
      this.masters.push(
        new MasterNode(id, {
          agenda: this.#time(id),
          network,
          random: random.fork(id),
          registries: registryIds,
          allocators: allocatorIds,
          options: settings.options,
          leaseTtlMs: settings.leaseTtlMs,
          belief: settings.belief,
          observer: oracle,
        }),
      );
    for (const id of names('agent', settings.agents)) {
      const own = random.fork(id);
      this.agents.push(
        new AgentNode(id, {
          agenda: this.#time(id),
          network,
          random: own,
          masters: masterIds,
          total: resources(`cpus:${settings.cpus};mem:4096;disk:1000`),
          observer: oracle,
          diskMaxMs: () => this.#diskMaxMs,
          skewMs: own.int(-settings.skewMaxMs, settings.skewMaxMs),
          drift: (own.next() * 2 - 1) * settings.driftMax,
          startFailure: () => this.#startFailure,
        }),
      );
    }
    settings.frameworks.forEach((framework, i) => {
      const id = `framework${i + 1}`;
      this.frameworks.push(
        new FrameworkNode(id, {
          agenda: this.#time(id),
          network,
          random: random.fork(id),
          masters: masterIds,
          observer: oracle,
          role: `role${i % 2}`,
          ...framework,
        }),
      );
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
        return this.#times.get(first)?.pause(forMs);
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
        this.#diskMaxMs = 5000;
        return later(() => (this.#diskMaxMs = 20));
      case 'slowNetwork':
        this.network.options = { ...this.network.options, delayMaxMs: 2000 };
        return later(() => (this.network.options = { ...this.network.options, delayMaxMs: 30 }));
      case 'etcdLeader':
        return this.etcd.changeLeader(forMs);
      case 'failingStarts':
        this.#startFailure = 0.5;
        return later(() => (this.#startFailure = 0));
    }
  }

  #crash(id: NodeId, silent: boolean, forMs: number): void {
    const node = this.#nodes().find((one) => one.id === id);
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
    for (const other of this.#nodes()) {
      if (other.id === id) continue;
      act(id, other.id);
      act(other.id, id);
    }
  }

  /** Nothing goes wrong from here on, and frameworks ask for nothing more. */
  #calmDown(): void {
    this.#chaos = false;
    this.chronicle.add('calm', 'from here on nothing goes wrong');
    for (const node of this.#nodes()) this.#isolate(node.id, (from, to) => this.network.mend(from, to));
    for (const time of this.#times.values()) time.resume();
    this.network.options = { ...this.network.options, delayMaxMs: 30 };
    this.#diskMaxMs = 20;
    this.#startFailure = 0;
    for (const framework of this.frameworks) framework.calmDown();
    for (const node of this.#nodes()) if (!node.up) node.start();
  }

  /** Waits until all is as it should be; what is left when patience ends is what was broken. */
  #settle(): string | undefined {
    const until = this.agenda.now + settleMs;
    let left: readonly string[] = [];
    while (this.agenda.now < until) {
      this.agenda.runUntil(this.agenda.now + looksEveryMs);
      left = leftovers(this);
      if (left.length === 0) return undefined;
    }
    return `not settled after ${settleMs / 60_000} virtual minutes: ${left.join('; ')}`;
  }

  #nodes() {
    return [...this.masters, ...this.registries, ...this.allocators, ...this.agents, ...this.frameworks];
  }

  #time(id: NodeId): PausableTime {
    const time = new PausableTime(this.agenda);
    this.#times.set(id, time);
    this.network.times.set(id, time);
    return time;
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
