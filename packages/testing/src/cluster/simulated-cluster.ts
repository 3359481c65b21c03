import { isFailure, Resources, type Instant } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { fixedOptions } from '@meseta/master/core';
import { connect, type ConnectOptions, type Environment, type Scheduler } from '@meseta/sdk';
import type { AgentNode } from '../simulator/agent-node';
import { Chronicle } from '../simulator/chronicle';
import { ClusterNodes } from '../simulator/cluster-nodes';
import { Oracle } from '../simulator/oracle';
import { Random } from '../simulator/random';
import { simulatedClient } from './simulated-client';

/** What a simulated cluster is made of. */
export interface SimulatedClusterOptions {
  /** Everything that is left to chance follows from it. 1 if unset. */
  readonly seed?: number;
  /** How many masters there are; 1 if unset. */
  readonly masters?: number;
  /** How many agents; 1 if unset. */
  readonly agents?: number;
  /** What each agent has: `cpus:4;mem:4096;disk:10000` if unset. */
  readonly resources?: string;
  /** After how long an agent that does not answer is unreachable. Milliseconds; 75 s if unset, as in a real cluster. */
  readonly agentSilenceMaxMs?: number;
  /** For how long a framework may sit on an offer. Milliseconds; 5 min if unset, as in a real cluster. */
  readonly offerTimeoutMs?: number;
}

/** How many lines of what happened are kept for a failing test to show. */
const linesKept = 500;
const pingsMissedMax = 5;

/**
 * A whole cluster in the process of a test, on a clock that stands still until it is told to go on. The masters, agents and the allocator are the real
 * ones; programs are not run but simulated (see {@link SimulatedCluster.connect}). The same seed gives the same history.
 *
 * Every step is checked for the promises of the cluster itself, so that what a test finds is the framework's.
 */
export class SimulatedCluster {
  readonly #nodes: ClusterNodes;
  readonly #chronicle: Chronicle;
  readonly #random: Random;
  #ids = 0;
  #frameworks = 0;
  #touched = false;

  constructor(options: SimulatedClusterOptions = {}) {
    const {
      seed = 1,
      masters = 1,
      agents = 1,
      agentSilenceMaxMs = 75_000,
      offerTimeoutMs = 300_000,
    } = options;
    const has = Resources.parse(options.resources ?? 'cpus:4;mem:4096;disk:10000');
    if (isFailure(has)) throw new FailureError(has);
    this.#random = new Random(seed);
    this.#chronicle = new Chronicle(() => this.#nodes.agenda.now, linesKept);
    const oracle = new Oracle(this.#chronicle);
    this.#nodes = new ClusterNodes(
      {
        masters,
        registries: 1,
        agents: Array.from({ length: agents }, () => has),
        leaseTtlMs: 2000,
        belief: 1,
        skewMaxMs: 0,
        driftMax: 0,
        options: {
          pingIntervalMs: agentSilenceMaxMs / pingsMissedMax,
          pingsMissedMax,
          agentReregisterTimeoutMs: 600_000,
          frameworkReregisterTimeoutMs: 60_000,
          offerTimeoutMs,
          ...fixedOptions,
          agentRemovalIntervalMs: 0,
        },
      },
      this.#random,
      () => oracle,
    );
    for (const node of [...this.#nodes.registries, ...this.#nodes.allocators, ...this.#nodes.masters])
      node.start();
    for (const node of this.#nodes.agents) node.start();
  }

  /** The time in the cluster. */
  get now(): Instant {
    return this.#nodes.agenda.now;
  }

  /** What happened last, in lines that a person reads: for the message of a failing test. */
  get story(): string {
    return this.#chronicle.lines.join('\n');
  }

  /** The agents' names, `agent1` and so on. */
  get agents(): readonly string[] {
    return this.#nodes.agents.map(({ id }) => id);
  }

  /**
   * The world of a framework in this cluster, for those who make the SDK's `Scheduler` or `SchedulerSession` themselves.
   *
   * @param name the framework's address in the simulated network, for partitions
   */
  environment(name: string): Environment {
    const { agenda, network } = this.#nodes;
    const touched = (): void => {
      this.#touched = true;
    };
    return {
      clock: { now: () => agenda.now },
      timers: {
        after: (ms, fn) =>
          agenda.after(ms, () => {
            fn();
            touched();
          }),
      },
      random: () => this.#random.next(),
      newId: () => `id-${(this.#ids += 1)}`,
      dial: (address) => simulatedClient({ network, touched }, name, address),
    };
  }

  /**
   * Connects a framework with the real SDK. Time goes on until it is subscribed.
   *
   * The command of a task says what its program does: `run 5000 0` runs for five virtual seconds and ends with status 0, `run 5000 1` with 1; any
   * other command runs until it is killed. One that ends in ` deaf` does not listen to SIGTERM.
   */
  connect(options: Omit<ConnectOptions, 'master' | 'environment'>): Promise<Scheduler> {
    const environment = this.environment(`framework${(this.#frameworks += 1)}`);
    return this.until(connect({ ...options, master: this.#masters(), environment }));
  }

  /** Lets time pass, with all that happens meanwhile. */
  async advance(ms: number): Promise<void> {
    const { agenda } = this.#nodes;
    const until = agenda.exactMs + ms;
    await this.#follow();
    while (agenda.step(until)) if (this.#touched) await this.#follow();
    agenda.runUntil(until);
    await this.#follow();
  }

  /**
   * Lets time pass until a promise settles, and settles as it does.
   *
   * @param withinMs rejects when it has not settled after so long; ten virtual minutes if unset
   */
  async until<T>(promise: Promise<T>, withinMs = 600_000): Promise<T> {
    const { agenda } = this.#nodes;
    const deadline = agenda.exactMs + withinMs;
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    await this.#follow();
    while (!settled) {
      if (!agenda.step(deadline))
        throw new Error(
          `not settled within ${withinMs / 1000} virtual seconds. What happened:\n${this.story}`,
        );
      if (this.#touched) await this.#follow();
    }
    return promise;
  }

  /** An agent's process dies, and is started again after a time; its tasks run on. */
  killAgent(name: string, forMs = 1000): void {
    const agent = this.#agent(name);
    agent.crash(false);
    this.#nodes.agenda.after(forMs, () => agent.start());
  }

  /** A machine goes down with all that runs on it; it comes back after a time, or never if that is Infinity. */
  loseMachine(name: string, forMs = Number.POSITIVE_INFINITY): void {
    const agent = this.#agent(name);
    agent.reboot();
    if (Number.isFinite(forMs)) this.#nodes.agenda.after(forMs, () => agent.start());
  }

  /** An agent is cut off from everyone for a time; its tasks run on. */
  cutOff(name: string, forMs: number): void {
    this.#agent(name);
    const { agenda, network, masters } = this.#nodes;
    for (const { id } of masters) {
      network.cut(name, id);
      network.cut(id, name);
    }
    agenda.after(forMs, () => {
      for (const { id } of masters) {
        network.mend(name, id);
        network.mend(id, name);
      }
    });
  }

  /** The leading master dies, and is started again after a time; another one takes over, if there is one. */
  killLeader(forMs = 1000): void {
    const { leader, agenda } = this.#nodes;
    if (leader === undefined) throw new Error('no master leads at the moment');
    leader.crash(false);
    agenda.after(forMs, () => leader.start());
  }

  #agent(name: string): AgentNode {
    const agent = this.#nodes.agents.find(({ id }) => id === name);
    if (agent === undefined)
      throw new Error(`there is no agent ${name}: there are ${this.agents.join(', ')}`);
    return agent;
  }

  #masters(): string {
    return this.#nodes.masters.map(({ id }) => `${id}:5060`).join(',');
  }

  /** Lets the promises of frameworks go as far as they get without time. */
  async #follow(): Promise<void> {
    do {
      this.#touched = false;
      // The SDK gathers the decisions of one turn of the event loop, so two turns are what a decision takes.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    } while (this.#touched);
  }
}
