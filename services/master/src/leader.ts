// Follower → candidate → leader: the campaign says which, and a term lives as long as it leads.

import { FailureError, type Clock, type Logger, type Timers, type Tracing } from '@meseta/kit';
import { assert, failure, isFailure, type Domain } from '@meseta/model';
import type { MasterInfo, internal } from '@meseta/protocol';
import { Campaign } from './campaign';
import { domainOf, fixedOptions, intervalMsOf, type MasterConfig } from './config';
import type { RegistryClient } from './effects/registry-client';
import type { Leading } from './handlers/leading';
import type { MasterMetrics } from './metrics';
import { recoveredOf } from './recovered';
import { regionClash } from './regions';
import { recover } from './state/recovery';
import type { MasterOptions } from './state/state';
import { Term } from './term';

export interface LeaderDeps {
  readonly config: MasterConfig;
  /** Names each term: ids that the master gives begin with it, so no two terms of one process may share a name. */
  readonly newId: () => string;
  readonly candidate: internal.Candidate;
  readonly masterInfo: MasterInfo;
  readonly registry: RegistryClient;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: () => number;
  readonly metrics: MasterMetrics;
  readonly tracing: Tracing;
  readonly log: Logger;
  /** This master cannot go on: its process is to end. */
  readonly onFatal: (error: FailureError) => void;
}

export class Leader implements Leading {
  term: Term | undefined;
  leader: string | undefined;
  recovering = false;
  readonly #deps: LeaderDeps;
  readonly #domain: Domain | undefined;
  readonly #campaign: Campaign;
  /** The number of the term that is being recovered or served. */
  #number = 0;

  constructor(deps: LeaderDeps) {
    this.#deps = deps;
    this.#domain = domainOf(deps.config);
    this.#campaign = new Campaign(deps, {
      elected: (term) => this.#elected(term),
      lost: (reason) => this.#lost(reason),
      leaderIs: (leader) => this.#leaderIs(leader),
    });
  }

  start(): void {
    this.#campaign.start();
  }

  /** Whether a registry can be reached at all: the campaign knows. */
  get knowsLeader(): boolean {
    return this.term !== undefined || this.leader !== undefined;
  }

  close(): void {
    this.#number = 0;
    this.#endTerm();
    this.#campaign.close();
  }

  #leaderIs(leader: internal.Candidate | undefined): void {
    this.leader = leader?.grpcAddress;
    const clash = regionClash(this.#domain, leader?.domain);
    if (clash !== undefined) this.#deps.onFatal(new FailureError(failure('conflict', clash)));
  }

  #elected(number: number): void {
    const { metrics, log } = this.#deps;
    log.info({ term: number }, 'elected');
    this.#number = number;
    this.leader = undefined;
    this.recovering = true;
    metrics.elections.inc();
    this.#recover(number).catch((error: unknown) => {
      if (this.#number !== number) return;
      log.error({ term: number, err: error }, 'the registry could not be read: leadership is given up');
      this.#campaign.resign('recovery failed');
    });
  }

  async #recover(number: number): Promise<void> {
    const { config, registry, clock, metrics, log } = this.#deps;
    const recovered = recoveredOf(await registry.snapshot());
    if (this.#number !== number) return;
    const identity = { masterId: this.#deps.newId(), cluster: config.cluster, term: number };
    const { state, effects } = recover(identity, optionsOf(config), recovered, clock.now());
    const term = new Term(state, {
      ...this.#deps,
      allocator: config.allocator,
      commit: (operations) => registry.commit(number, operations, () => this.#campaign.leads(number)),
      resign: (reason) => {
        if (this.#number === number) this.#campaign.resign(reason);
      },
    });
    this.term = term;
    this.recovering = false;
    this.leader = this.#deps.candidate.grpcAddress;
    metrics.elected.set(1);
    metrics.term.set(number);
    await term.start(effects);
    log.info(
      { term: number, agents: recovered.agents.length, frameworks: recovered.frameworks.length },
      'leading',
    );
  }

  #lost(reason: string): void {
    this.#deps.log.warn({ term: this.#number }, `leadership is over: ${reason}`);
    this.#number = 0;
    this.leader = undefined;
    this.#endTerm();
  }

  #endTerm(): void {
    this.recovering = false;
    this.#deps.metrics.elected.set(0);
    this.#deps.metrics.term.set(0);
    const { term } = this;
    this.term = undefined;
    term?.close(this.leader);
  }
}

function optionsOf(config: MasterConfig): MasterOptions {
  const agentRemovalIntervalMs = intervalMsOf(config.agentRemovalRateLimit);
  assert(!isFailure(agentRemovalIntervalMs), 'options are checked before');
  return {
    region: domainOf(config)?.region,
    requireAgentDomain: config.requireAgentDomain,
    ...(config.roles.length > 0 && { roles: new Set(config.roles) }),
    pingIntervalMs: config.agentPingTimeout,
    pingsMissedMax: config.maxAgentPingTimeouts,
    agentReregisterTimeoutMs: config.agentReregisterTimeout,
    offerTimeoutMs: config.offerTimeout,
    frameworkReregisterTimeoutMs: config.frameworkReregisterTimeout,
    ...fixedOptions,
    agentRemovalIntervalMs,
  };
}
