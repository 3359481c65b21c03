import type { AgentId, FrameworkId, Resources } from '@meseta/model';
import type { Proposal } from './effect';
import { refusal } from './filters/filters';
import { hold } from './holdings';
import { shuffled } from './shuffle';
import type { Agent, AllocatorState, Framework } from './state';

/**
 * One turn: looks at the agents on which something changed (or at all of them) in random order, and gives what is free on
 * each to the role, and in it to the framework, that the policy puts first and that no filter refuses (A5).
 */
export function allocate(
  state: AllocatorState,
  everyAgent: boolean,
  seed: number,
  nowMs: number,
): readonly Proposal[] {
  const agentIds = everyAgent ? [...state.agents.keys()] : [...state.dirty];
  state.dirty.clear();
  const proposals: Proposal[] = [];
  if (agentIds.length === 0) return proposals;
  const contenders = contendersByRole(state);
  if (contenders.size === 0) return proposals;
  for (const agentId of shuffled(agentIds, seed)) {
    const agent = state.agents.get(agentId);
    if (agent !== undefined && agent.active && !agent.free.isEmpty)
      offerAgent(state, agent, contenders, nowMs, proposals);
  }
  return proposals;
}

/** Gives out one agent. The order is asked for anew for each agent, since the one before changed the shares. */
function offerAgent(
  state: AllocatorState,
  agent: Agent,
  contenders: ReadonlyMap<string, readonly FrameworkId[]>,
  nowMs: number,
  proposals: Proposal[],
): void {
  const { policy } = state.options;
  for (const role of policy.orderRoles([...contenders.keys()], state.tree)) {
    for (const frameworkId of policy.orderFrameworks(role, contenders.get(role) ?? [], state.tree)) {
      if (agent.free.isEmpty) return;
      const framework = state.frameworks.get(frameworkId) as Framework;
      const resources = offerable(agent, framework, role);
      if (refusal({ agent, framework, role, resources, nowMs, options: state.options }) !== undefined)
        continue;
      hold(state, agent, frameworkId, role, resources);
      proposals.push({ frameworkId, role, agentId: agent.id, resources });
    }
  }
}

/** What of an agent's free resources may be offered to a framework in a role (R28, S40). */
export function offerable(agent: Agent, framework: Framework, role: string): Resources {
  const forRole = agent.free.offerableTo(role);
  return framework.capabilities.has('REVOCABLE_RESOURCES') ? forRole : forRole.nonRevocable();
}

/** Frameworks that want offers, by role (A28: the others are counted and not served). */
function contendersByRole(state: AllocatorState): Map<string, FrameworkId[]> {
  const contenders = new Map<string, FrameworkId[]>();
  for (const framework of state.frameworks.values()) {
    if (!framework.active) continue;
    for (const role of framework.roles) {
      if (framework.suppressed.has(role)) continue;
      const list = contenders.get(role);
      if (list === undefined) contenders.set(role, [framework.id]);
      else list.push(framework.id);
    }
  }
  return contenders;
}

/** Every agent is looked at in the next turn. */
export function markEveryAgent(state: AllocatorState): void {
  for (const agentId of state.agents.keys()) state.dirty.add(agentId);
}

/** One agent is looked at in the next turn. */
export function markAgent(state: AllocatorState, agentId: AgentId): void {
  if (state.agents.has(agentId)) state.dirty.add(agentId);
}
