// The allocator, without the world. See state.ts for what it owns and for its invariants.

import type { AgentId, FrameworkId, Instant } from '@meseta/model';
import { allocate, markAgent, markEveryAgent } from './allocate';
import type { AgentDescription, Command, FrameworkDescription } from './command';
import type { Effect } from './effect';
import { addFilter, clearFilters } from './filters/declined';
import type { OfferFilter } from './filters/offer-filter';
import { hold, release, releaseAll } from './holdings';
import { RoleTree } from './role-tree';
import type { Agent, AllocatorOptions, AllocatorState, Framework } from './state';

/** An allocator that knows nothing yet. */
export function initialState(options: AllocatorOptions): AllocatorState {
  return {
    options,
    agents: new Map(),
    frameworks: new Map(),
    tree: new RoleTree(),
    dirty: new Set(),
    expiries: [],
  };
}

/** Applies one command. Deterministic; only `allocate` has effects. */
export function step(state: AllocatorState, command: Command, now: Instant): readonly Effect[] {
  switch (command.kind) {
    case 'agentChanged':
      stepAgentChanged(state, command.agent);
      return [];
    case 'agentActivated':
      stepAgentActivated(state, command.agentId, command.active);
      return [];
    case 'agentRemoved':
      stepAgentRemoved(state, command.agentId);
      return [];
    case 'frameworkChanged':
      stepFrameworkChanged(state, command.framework);
      return [];
    case 'frameworkRemoved':
      state.frameworks.delete(command.frameworkId);
      return [];
    case 'recovered':
      stepRecovered(state, command, now);
      return [];
    case 'allocated': {
      const agent = state.agents.get(command.agentId);
      if (agent !== undefined) hold(state, agent, command.frameworkId, command.role, command.resources);
      return [];
    }
    case 'suppressed':
      stepSuppressed(state, command.frameworkId, command.roles);
      return [];
    case 'revived':
      stepRevived(state, command.frameworkId, command.roles);
      return [];
    case 'weightChanged':
      state.tree.setWeight(command.role, command.weight);
      markEveryAgent(state);
      return [];
    case 'allocate': {
      expireFilters(state, now);
      const proposals = allocate(state, command.everyAgent, command.seed, now);
      return proposals.length === 0 ? [] : [{ kind: 'propose', proposals }];
    }
  }
}

/** Whether the next `allocate` has anything to look at. */
export function hasWork(state: AllocatorState): boolean {
  return state.dirty.size > 0;
}

/** When a filter ends next, if any does: the moment to allocate again. */
export function nextDeadline(state: AllocatorState): Instant | undefined {
  return state.expiries[0]?.atMs as Instant | undefined;
}

function stepAgentChanged(state: AllocatorState, description: AgentDescription): void {
  const known = state.agents.get(description.agentId);
  if (known !== undefined) {
    releaseAll(state, known);
    state.tree.addTotal(known.total, -1);
    if (attributesChanged(known, description)) forgetFiltersOf(state, known.id);
  }
  const agent: Agent = {
    id: description.agentId,
    hostname: description.hostname,
    total: description.total,
    attributes: description.attributes,
    active: description.active,
    held: new Map(),
    free: description.total,
  };
  state.agents.set(agent.id, agent);
  state.tree.addTotal(agent.total, 1);
  for (const { frameworkId, role, resources } of description.holdings)
    hold(state, agent, frameworkId, role, resources);
  markAgent(state, agent.id);
}

function stepAgentActivated(state: AllocatorState, agentId: AgentId, active: boolean): void {
  const agent = state.agents.get(agentId);
  if (agent === undefined) return;
  agent.active = active;
  if (active) markAgent(state, agentId);
}

function stepAgentRemoved(state: AllocatorState, agentId: AgentId): void {
  const agent = state.agents.get(agentId);
  if (agent === undefined) return;
  releaseAll(state, agent);
  state.tree.addTotal(agent.total, -1);
  state.agents.delete(agentId);
  state.dirty.delete(agentId);
  forgetFiltersOf(state, agentId);
}

function stepFrameworkChanged(state: AllocatorState, description: FrameworkDescription): void {
  const known = state.frameworks.get(description.frameworkId);
  const framework: Framework = {
    id: description.frameworkId,
    name: description.name,
    roles: description.roles,
    suppressed: new Set(description.suppressedRoles),
    active: description.active,
    capabilities: new Set(description.capabilities),
    // A framework that was away comes back without filters (A41).
    filters:
      known?.active === true && description.active
        ? known.filters
        : new Map<AgentId, Map<string, OfferFilter[]>>(),
  };
  if (known !== undefined)
    clearFilters(
      framework,
      known.roles.filter((role) => !framework.roles.includes(role)),
    );
  state.frameworks.set(framework.id, framework);
  if (framework.active) markEveryAgent(state);
}

function stepRecovered(
  state: AllocatorState,
  command: Extract<Command, { kind: 'recovered' }>,
  now: Instant,
): void {
  const agent = state.agents.get(command.agentId);
  if (agent === undefined) return;
  release(state, agent, command.frameworkId, command.role, command.resources);
  markAgent(state, agent.id);
  const framework = state.frameworks.get(command.frameworkId);
  if (command.refuseMs <= 0 || framework === undefined || !framework.active) return;
  const untilMs = now + command.refuseMs;
  addFilter(framework, agent.id, command.role, { resources: command.resources.unallocate(), untilMs }, now);
  addExpiry(state, untilMs, agent.id);
}

function stepSuppressed(state: AllocatorState, frameworkId: FrameworkId, roles: readonly string[]): void {
  const framework = state.frameworks.get(frameworkId);
  if (framework === undefined) return;
  for (const role of roles.length === 0 ? framework.roles : roles) framework.suppressed.add(role);
}

function stepRevived(state: AllocatorState, frameworkId: FrameworkId, roles: readonly string[]): void {
  const framework = state.frameworks.get(frameworkId);
  if (framework === undefined) return;
  const revived = roles.length === 0 ? framework.roles : roles;
  for (const role of revived) framework.suppressed.delete(role);
  clearFilters(framework, revived);
  markEveryAgent(state);
}

/** Agents whose filters ended are looked at in this turn. */
function expireFilters(state: AllocatorState, now: Instant): void {
  let ended = 0;
  for (const expiry of state.expiries) {
    if (expiry.atMs > now) break;
    markAgent(state, expiry.agentId);
    ended += 1;
  }
  if (ended > 0) state.expiries.splice(0, ended);
}

/** Keeps the list sorted. New filters mostly end last, so the place is looked for from the back. */
function addExpiry(state: AllocatorState, atMs: number, agentId: AgentId): void {
  let at = state.expiries.length;
  while (at > 0 && (state.expiries[at - 1]?.atMs ?? 0) > atMs) at -= 1;
  state.expiries.splice(at, 0, { atMs, agentId });
}

function forgetFiltersOf(state: AllocatorState, agentId: AgentId): void {
  for (const framework of state.frameworks.values()) framework.filters.delete(agentId);
}

function attributesChanged(known: Agent, description: AgentDescription): boolean {
  return JSON.stringify(known.attributes) !== JSON.stringify(description.attributes);
}
