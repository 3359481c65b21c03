import { holdingsOn } from '../agents/agent';
import type { InverseProposal } from '../effect';
import type { AllocatorState } from '../state';

/** Asks every framework that holds something on an agent with planned maintenance to give it up. */
export function proposeInverse(state: AllocatorState, nowMs: number): readonly InverseProposal[] {
  const { inverseOffers, frameworks } = state;
  const proposals: InverseProposal[] = [];
  for (const agent of inverseOffers.takeAgents()) {
    const { unavailability } = agent;
    if (unavailability === undefined) continue;
    for (const frameworkId of new Set([...holdingsOn(agent)].map(({ seat }) => seat.frameworkId))) {
      if (frameworks.get(frameworkId)?.active !== true) continue;
      if (inverseOffers.ask(agent, frameworkId, nowMs))
        proposals.push({ frameworkId, agentId: agent.id, unavailability });
    }
  }
  return proposals;
}
