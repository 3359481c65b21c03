import type { Resources } from '@meseta/model';
import type { MasterOptions } from '@meseta/master/core';
import { Agenda, PausableTime } from './agenda';
import { AgentNode, type AgentObserver } from './agent-node';
import { AllocatorNode } from './allocator-node';
import { EtcdModel } from './etcd-model';
import { MasterNode, type MasterObserver } from './master-node';
import { Network, type NodeId } from './network';
import type { Random } from './random';
import { RegistryNode } from './registry-node';

/** How large a simulated cluster is, and how it is configured. */
export interface ClusterShape {
  readonly masters: number;
  readonly registries: number;
  /** What each agent has. */
  readonly agents: readonly Resources[];
  readonly leaseTtlMs: number;
  /** For how many times the lease masters believe that they lead. */
  readonly belief: number;
  readonly options: MasterOptions;
  /** How far clocks are apart, at most, and how much faster they go. */
  readonly skewMaxMs: number;
  readonly driftMax: number;
}

/** The nodes of a cluster, but for its frameworks, on one virtual clock and network. */
export class ClusterNodes {
  readonly agenda = new Agenda();
  readonly network: Network;
  readonly etcd: EtcdModel;
  readonly masters: MasterNode[] = [];
  readonly registries: RegistryNode[] = [];
  readonly allocators: AllocatorNode[] = [];
  readonly agents: AgentNode[] = [];
  readonly #times = new Map<NodeId, PausableTime>();
  /** How long a commit to an agent's disk takes, at most. Milliseconds. */
  diskMaxMs = 20;
  /** How likely it is that a container cannot be started. */
  startFailure = 0;

  constructor(
    private readonly shape: ClusterShape,
    private readonly random: Random,
    private readonly observer: () => MasterObserver & AgentObserver,
  ) {
    this.network = new Network(this.agenda, random.fork('network'), {
      delayMinMs: 0.2,
      delayMaxMs: 30,
      keepAliveMs: 20_000,
      connectTimeoutMs: 5000,
    });
    this.etcd = new EtcdModel(this.agenda, random.fork('etcd'), {
      leaseTtlMs: shape.leaseTtlMs,
      writeMinMs: 1,
      writeMaxMs: 50,
    });
    const masterIds = names('master', shape.masters);
    const registryIds = names('registry', shape.registries);
    const allocatorIds = names('allocator', 1);
    this.registries.push(...registryIds.map((id) => this.#registry(id)));
    this.allocators.push(...allocatorIds.map((id) => this.#allocator(id)));
    this.masters.push(...masterIds.map((id) => this.#master(id, registryIds, allocatorIds)));
    names('agent', shape.agents.length).forEach((id, i) => {
      this.agents.push(this.#agent(id, shape.agents[i] as Resources, masterIds));
    });
  }

  /** The master that leads, and may. */
  get leader(): MasterNode | undefined {
    return this.masters.find((master) => master.leads && master.leadsTerm(master.term?.number ?? -1));
  }

  /** A node's own time, which can be made to stand still. */
  timeOf(id: NodeId): PausableTime {
    const known = this.#times.get(id);
    if (known !== undefined) return known;
    const time = new PausableTime(this.agenda);
    this.#times.set(id, time);
    this.network.times.set(id, time);
    return time;
  }

  get times(): Iterable<PausableTime> {
    return this.#times.values();
  }

  #registry(id: NodeId): RegistryNode {
    const { network, etcd, shape } = this;
    return new RegistryNode(id, { agenda: this.timeOf(id), network, etcd, leaseTtlMs: shape.leaseTtlMs });
  }

  #allocator(id: NodeId): AllocatorNode {
    return new AllocatorNode(id, {
      agenda: this.timeOf(id),
      network: this.network,
      random: this.random.fork(id),
    });
  }

  #master(id: NodeId, registries: readonly NodeId[], allocators: readonly NodeId[]): MasterNode {
    const { options, leaseTtlMs, belief } = this.shape;
    return new MasterNode(id, {
      agenda: this.timeOf(id),
      network: this.network,
      random: this.random.fork(id),
      registries,
      allocators,
      options,
      leaseTtlMs,
      belief,
      observer: this.observer(),
    });
  }

  #agent(id: NodeId, total: Resources, masters: readonly NodeId[]): AgentNode {
    const { skewMaxMs, driftMax } = this.shape;
    const random = this.random.fork(id);
    return new AgentNode(id, {
      agenda: this.timeOf(id),
      network: this.network,
      random,
      masters,
      total,
      observer: this.observer(),
      diskMaxMs: () => this.diskMaxMs,
      skewMs: random.int(-skewMaxMs, skewMaxMs),
      drift: (random.next() * 2 - 1) * driftMax,
      startFailure: () => this.startFailure,
    });
  }
}

function names(kind: string, count: number): NodeId[] {
  return Array.from({ length: count }, (_, i) => `${kind}${i + 1}`);
}
