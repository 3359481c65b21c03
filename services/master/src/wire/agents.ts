import {
  AgentState,
  DrainState,
  resourcesToProto,
  type AgentInfo_Capability_Type,
  type AgentStatus,
  type master,
} from '@meseta/protocol';
import { drainConfigOf } from '../state/draining';
import type { Agent, AgentMembership, MasterView } from '../state/state';
import { offeredOn, sumOf, usedOn } from './held';
import { timeInfo } from './times';

/** A registered agent as in the v1 answer (M13). */
export function agentToProto(
  agent: Agent,
  view: Pick<MasterView, 'offers'>,
): master.Response_GetAgents_Agent {
  return {
    agentInfo: agent.info,
    active: agent.membership === 'active',
    deactivated: agent.deactivated,
    version: agent.version,
    pid: agent.grpcAddress === '' ? undefined : `slave(1)@${agent.grpcAddress}`,
    registeredTime: timeInfo(agent.registeredAt),
    reregisteredTime: timeInfo(agent.reregisteredAt),
    totalResources: resourcesToProto(agent.total),
    allocatedResources: resourcesToProto(sumOf(usedOn(agent))),
    offeredResources: resourcesToProto(sumOf(offeredOn(agent, view))),
    capabilities: agent.capabilities.map((type) => ({ type: type as AgentInfo_Capability_Type })),
    resourceProviders: [],
    drainInfo: agent.drain && {
      state: drainStates[agent.drain.state],
      config: drainConfigOf(agent.drain),
    },
    estimatedDrainStartTime: timeInfo(agent.drain?.startedAt),
  };
}

const drainStates = { DRAINING: DrainState.DRAINING, DRAINED: DrainState.DRAINED } as const;

const states: Readonly<Record<AgentMembership, AgentState>> = {
  active: AgentState.ACTIVE,
  disconnected: AgentState.DISCONNECTED,
  recovered: AgentState.RECOVERED,
  unreachable: AgentState.UNREACHABLE,
};

/** What the v1 answer has no place for. */
export function agentStatusOf(agent: Agent): AgentStatus {
  return {
    agentId: { value: agent.id },
    grpcAddress: agent.session === undefined ? '' : agent.grpcAddress,
    httpAddress: agent.session === undefined ? '' : agent.httpAddress,
    state: states[agent.membership],
    sinceMs: BigInt(agent.since),
    agentInfo: agent.info,
  };
}

export function isRegistered(agent: Agent): boolean {
  return agent.membership === 'active' || agent.membership === 'disconnected';
}
