import type { AgentId, FrameworkId, Instant, QuotaConfig } from '@meseta/model';
import type { AgentInfo } from '@meseta/protocol';
import { addRecoveredAgent } from './agents';
import type { FrameworkDescription } from './command';
import { Deadlines } from './deadlines';
import type { Effect } from './effect';
import { recoverDrain } from './draining';
import { addRecovered } from './frameworks';
import { unavailabilityOf, type Maintenance } from './machines';
import type { Drain, MasterOptions, MasterState } from './state';

/** The durable record, as a new leader reads it. */
export interface Recovered {
  readonly agents: readonly {
    readonly info: AgentInfo;
    readonly unreachable: boolean;
    readonly since: Instant;
  }[];
  readonly frameworks: readonly {
    readonly description: FrameworkDescription & { readonly id: FrameworkId };
    readonly registeredAt: Instant;
    /** Undefined while it is alive. */
    readonly removedAt: Instant | undefined;
  }[];
  readonly weights: readonly { readonly role: string; readonly weight: number }[];
  readonly quotas?: readonly QuotaConfig[];
  /** Agents of which nothing is offered, and how far they are emptied. */
  readonly standings?: readonly { readonly agentId: AgentId; readonly drain: Drain | undefined }[];
  readonly gone?: readonly { readonly agentId: AgentId; readonly since: Instant }[];
  /** Agents that may come back, but not with what ran there. */
  readonly dismissed?: readonly { readonly agentId: AgentId; readonly since: Instant }[];
  readonly maintenance?: Maintenance | undefined;
}

/** The state of a master that was just elected: who there was, none of whom has been seen yet (M28). */
export function recover(
  identity: Pick<MasterState, 'masterId' | 'cluster' | 'term'>,
  options: MasterOptions,
  recovered: Recovered,
  now: Instant,
): { readonly state: MasterState; readonly effects: readonly Effect[] } {
  const state: MasterState = {
    ...identity,
    options,
    agents: new Map(),
    frameworks: new Map(),
    offers: new Map(),
    completedFrameworks: new Map(),
    weights: new Map(recovered.weights.map(({ role, weight }) => [role, weight])),
    quotas: new Map((recovered.quotas ?? []).map((quota) => [quota.role, quota])),
    draining: new Set(),
    gone: bySince(recovered.gone),
    dismissed: bySince(recovered.dismissed),
    maintenance: recovered.maintenance ?? { windows: [], down: new Map() },
    inverseOffers: new Map(),
    electedAt: now,
    nextRemovalAt: now,
    agentsAtElection: recovered.agents.filter(({ unreachable }) => !unreachable).length,
    deadlines: new Deadlines(),
    allocationVersion: 0,
    nextFramework: 0,
    nextAgent: 0,
    nextOffer: 0,
  };
  const turn = { state, now, effects: [] as Effect[] };
  for (const { info, unreachable, since } of recovered.agents) {
    const agent = addRecoveredAgent(turn, info, unreachable ? 'unreachable' : 'recovered', since);
    agent.unavailability = unavailabilityOf(state.maintenance, agent);
  }
  for (const { agentId, drain } of recovered.standings ?? []) {
    const agent = state.agents.get(agentId);
    if (agent === undefined) continue;
    agent.deactivated = true;
    if (drain !== undefined) recoverDrain(state.draining, agent, drain);
  }
  const removed = recovered.frameworks.filter((one) => one.removedAt !== undefined);
  for (const { description, registeredAt, removedAt } of removed.sort(
    (a, b) => (a.removedAt ?? 0) - (b.removedAt ?? 0),
  )) {
    if (removedAt === undefined) continue;
    state.completedFrameworks.set(description.id, {
      id: description.id,
      info: description.info,
      registeredAt,
      removedAt,
      completed: [],
    });
  }
  for (const { description, registeredAt, removedAt } of recovered.frameworks) {
    if (removedAt === undefined) addRecovered(turn, description, registeredAt);
  }
  return { state, effects: turn.effects };
}

function bySince(agents: Recovered['gone'] = []): Map<AgentId, Instant> {
  return new Map([...agents].sort((a, b) => a.since - b.since).map((one) => [one.agentId, one.since]));
}
