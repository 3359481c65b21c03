import type { AgentId, FrameworkId, Instant } from '@meseta/model';
import { offerable } from './allocate';
import { refusal } from './filters/filters';
import type { AllocatorState } from './state';

/** Why a framework is, or is not, offered resources in a role. */
export interface RoleExplanation {
  readonly role: string;
  readonly share: number;
  /** What stops every offer; empty when nothing does. */
  readonly blocked: string;
  readonly agents: readonly AgentExplanation[];
}

export interface AgentExplanation {
  readonly agentId: AgentId;
  readonly hostname: string;
  readonly free: string;
  /** The filter that refuses; empty when the agent's resources may be offered. */
  readonly filter: string;
  readonly reason: string;
}

/** One explanation for each role asked about; undefined when the framework is not known here. */
export function explain(
  state: AllocatorState,
  frameworkId: FrameworkId,
  role: string,
  now: Instant,
): readonly RoleExplanation[] | undefined {
  const framework = state.frameworks.get(frameworkId);
  if (framework === undefined) return undefined;
  const roles = role === '' ? framework.roles : [role];
  return roles.map((one) => ({
    role: one,
    share: state.tree.roleShare(one),
    blocked: !framework.roles.includes(one)
      ? `the framework is not subscribed to role ${one}`
      : !framework.active
        ? 'the framework is not connected'
        : framework.suppressed.has(one)
          ? 'the framework suppressed offers for this role'
          : '',
    agents: [...state.agents.values()].map((agent) => {
      const resources = offerable(agent, framework, one);
      const refused = refusal({ agent, framework, role: one, resources, nowMs: now, options: state.options });
      return {
        agentId: agent.id,
        hostname: agent.hostname,
        free: agent.free.toString(),
        filter: refused?.filter ?? '',
        reason: refused?.reason ?? '',
      };
    }),
  }));
}
