import type { FrameworkId, Resources } from '@meseta/model';
import { Resources as ResourcesValue } from '@meseta/model';
import type { Agent, AllocatorState } from './state';

/** Counts resources of an agent as held. */
export function hold(
  state: AllocatorState,
  agent: Agent,
  frameworkId: FrameworkId,
  role: string,
  resources: Resources,
): void {
  let roles = agent.held.get(frameworkId);
  if (roles === undefined) agent.held.set(frameworkId, (roles = new Map<string, Resources>()));
  roles.set(role, (roles.get(role) ?? ResourcesValue.empty).add(resources));
  agent.free = agent.free.subtract(resources);
  state.tree.hold(role, frameworkId, resources, 1);
}

/**
 * Counts resources as free again. What was not held is not made free: the master may recover what an agent's new description has
 * already dropped.
 */
export function release(
  state: AllocatorState,
  agent: Agent,
  frameworkId: FrameworkId,
  role: string,
  resources: Resources,
): void {
  const roles = agent.held.get(frameworkId);
  const held = roles?.get(role);
  if (roles === undefined || held === undefined) return;
  const left = held.subtract(resources);
  const released = held.subtract(left);
  if (left.isEmpty) roles.delete(role);
  else roles.set(role, left);
  if (roles.size === 0) agent.held.delete(frameworkId);
  agent.free = agent.free.add(released);
  state.tree.hold(role, frameworkId, released, -1);
}

/** Forgets everything held on an agent. */
export function releaseAll(state: AllocatorState, agent: Agent): void {
  for (const [frameworkId, roles] of agent.held) {
    for (const [role, resources] of roles) state.tree.hold(role, frameworkId, resources, -1);
  }
  agent.held.clear();
  agent.free = agent.total;
}
