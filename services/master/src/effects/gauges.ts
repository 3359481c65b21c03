import type { Instant, Resources } from '@meseta/model';
import { agentStates, frameworkStates, type MasterMetrics } from '../metrics';
import type { MasterState } from '../state/state';

/** Sets the gauges that tell what a state holds. */
export function observeState(state: MasterState, metrics: MasterMetrics, now: Instant): void {
  forgetState(metrics);
  const totals = {
    total: new Map<string, number>(),
    used: new Map<string, number>(),
    offered: new Map<string, number>(),
  };
  for (const agent of state.agents.values()) {
    metrics.agents.inc({ state: agent.membership });
    if (agent.membership !== 'active' && agent.membership !== 'disconnected') continue;
    add(totals.total, agent.total, metrics);
    add(totals.used, agent.used, metrics);
    add(totals.offered, agent.offered, metrics);
  }
  for (const [kind, sums] of Object.entries(totals))
    for (const [resource, milli] of sums) metrics.resources.set({ resource, kind }, milli / 1000);
  for (const framework of state.frameworks.values()) {
    metrics.frameworks.inc({ state: framework.membership });
    for (const { state: at } of framework.tasks.values()) metrics.tasks.inc({ state: at });
    for (const { state: at } of framework.unreachable.values()) metrics.tasks.inc({ state: at });
  }
  metrics.offersOutstanding.set(state.offers.size);
  // Offers are kept in the order in which they were made.
  const [oldest] = state.offers.values();
  metrics.oldestOfferSeconds.set(oldest === undefined ? 0 : Math.max(0, now - oldest.offeredAt) / 1000);
}

/** Empties them: a master that does not lead knows of no agents, and must not go on telling what it knew. */
export function forgetState(metrics: MasterMetrics): void {
  metrics.agents.reset();
  metrics.frameworks.reset();
  metrics.tasks.reset();
  metrics.resources.reset();
  metrics.offersOutstanding.set(0);
  metrics.oldestOfferSeconds.set(0);
  for (const state of agentStates) metrics.agents.set({ state }, 0);
  for (const state of frameworkStates) metrics.frameworks.set({ state }, 0);
}

function add(sums: Map<string, number>, resources: Resources, metrics: MasterMetrics): void {
  for (const [name, milli] of resources.quantities()) {
    const label = metrics.resourceLabel(name);
    sums.set(label, (sums.get(label) ?? 0) + milli);
  }
}
