import {
  attributesToProto,
  type InverseOffer as ProtoInverseOffer,
  type Offer as ProtoOffer,
  type URL,
} from '@meseta/protocol';
import type { Agent, InverseOffer, Offer } from '../state/state';
import { allocatedResources, type Dialect } from './resources';

/** An offer as its framework sees it (S49). */
export function offerToProto(offer: Offer, agent: Agent, dialect: Dialect): ProtoOffer {
  return {
    id: { value: offer.id },
    frameworkId: { value: offer.frameworkId },
    agentId: { value: agent.id },
    hostname: agent.hostname,
    url: urlOf(agent),
    domain: agent.info.domain,
    // The allocator counts volumes; what they are the agent says.
    resources: allocatedResources(offer.resources.describedBy(agent.total), offer.role, dialect),
    attributes: attributesToProto(agent.attributes),
    executorIds: [...agent.executors.values()]
      .filter((executor) => executor.frameworkId === offer.frameworkId)
      .map((executor) => ({ value: executor.id })),
    unavailability: agent.unavailability,
    allocationInfo: dialect.multiRole ? { role: offer.role } : undefined,
  };
}

/** A wish that a framework gives up what it holds on an agent (S67). */
export function inverseOfferToProto(offer: InverseOffer, agent: Agent): ProtoInverseOffer {
  return {
    id: { value: offer.id },
    url: urlOf(agent),
    frameworkId: { value: offer.frameworkId },
    agentId: { value: offer.agentId },
    unavailability: offer.unavailability,
    resources: [],
  };
}

function urlOf(agent: Agent): URL {
  const [host = '', port = ''] = splitAddress(agent.httpAddress);
  return {
    scheme: 'http',
    address: { hostname: agent.hostname, ip: host, port: Number(port) },
    path: '/slave(1)',
    query: [],
  };
}

function splitAddress(address: string): [string, string] {
  const cut = address.lastIndexOf(':');
  return cut < 0 ? [address, '0'] : [address.slice(0, cut), address.slice(cut + 1)];
}
