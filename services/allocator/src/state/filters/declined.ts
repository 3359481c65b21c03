import type { AgentId } from '@meseta/model';
import type { Framework } from '../state';
import type { Filter } from './filter';
import type { OfferFilter } from './offer-filter';

/** Declined resources are not offered again until the filter ends; more than was declined is (A40). */
export const declined: Filter = {
  name: 'declined',
  refuse({ agent, framework, role, resources, nowMs }) {
    const filter = framework.filters
      .get(agent.id)
      ?.get(role)
      ?.find((one) => one.untilMs > nowMs && one.resources.contains(resources));
    if (filter === undefined) return undefined;
    return `the framework declined ${filter.resources.toString()} for another ${((filter.untilMs - nowMs) / 1000).toFixed(1)} s`;
  },
};

/** Remembers a refusal, and forgets those that have ended. */
export function addFilter(
  framework: Framework,
  agentId: AgentId,
  role: string,
  filter: OfferFilter,
  nowMs: number,
): void {
  let roles = framework.filters.get(agentId);
  if (roles === undefined) framework.filters.set(agentId, (roles = new Map<string, OfferFilter[]>()));
  const alive = (roles.get(role) ?? []).filter(
    (one) =>
      one.untilMs > nowMs && !(filter.untilMs >= one.untilMs && filter.resources.contains(one.resources)),
  );
  roles.set(role, [...alive, filter]);
}

/** Forgets what a framework declined in these roles (A41). */
export function clearFilters(framework: Framework, roles: readonly string[]): void {
  for (const [agentId, byRole] of framework.filters) {
    for (const role of roles) byRole.delete(role);
    if (byRole.size === 0) framework.filters.delete(agentId);
  }
}
