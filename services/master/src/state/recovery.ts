import type { FrameworkId, Instant, QuotaConfig } from '@meseta/model';
import type { AgentInfo } from '@meseta/protocol';
import { addRecoveredAgent } from './agents';
import type { FrameworkDescription } from './command';
import { Deadlines } from './deadlines';
import type { Effect } from './effect';
import { addRecovered } from './frameworks';
import type { MasterOptions, MasterState } from './state';

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
    electedAt: now,
    agentsAtElection: recovered.agents.filter(({ unreachable }) => !unreachable).length,
    deadlines: new Deadlines(),
    allocationVersion: 0,
    nextFramework: 0,
    nextAgent: 0,
    nextOffer: 0,
  };
  const turn = { state, now, effects: [] as Effect[] };
  for (const { info, unreachable, since } of recovered.agents) {
    addRecoveredAgent(turn, info, unreachable ? 'unreachable' : 'recovered', since);
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
